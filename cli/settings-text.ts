import {
  REGISTRY_KEY,
  registryPath,
  SETTINGS,
  type SettingDefinition,
  type SettingName,
} from '../queue-manager/settings.js'
import { table } from './output.js'

/** One setting as `mqlab qm --settings --json` prints it. */
export interface SettingRow {
  readonly name: SettingName
  readonly default: number
  readonly unit: SettingDefinition['unit']
  readonly min: number
  readonly max: number
  readonly meaning: string
  /** Section, product note or article that the meaning and the default come from. */
  readonly source: string
  /** Full path of the registry value; null where the name is not the registry's. */
  readonly registry: string | null
}

/** In alphabetical order, as people look them up. */
export function settingRows(): SettingRow[] {
  return (Object.entries(SETTINGS) as [SettingName, SettingDefinition][])
    .map(([name, { unit, min, max, meaning, source, default: value }]) => ({
      name,
      default: value,
      unit,
      min,
      max,
      meaning,
      source,
      registry: registryPath(name),
    }))
    .sort((a, b) => a.name.localeCompare(b.name, 'en'))
}

export function settingsTable(): string {
  const rows = settingRows().map(row => [
    row.name,
    row.default,
    row.unit,
    rangeText(row),
    row.registry === null ? 'no' : 'yes',
    row.meaning,
    row.source,
  ])
  return table(rows, ['name', 'default', 'unit', 'range', 'registry', 'meaning', 'source'])
}

/** docs/settings.md, which a test compares with this. */
export function settingsPage(): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell => cell.replace(/[|<]/g, '\\$&')).join(' | ')} |\n`
  const rows = settingRows().map(row =>
    line([
      `\`${row.name}\``,
      numberText(row.default),
      row.unit,
      rangeText(row),
      row.meaning,
      row.registry === null ? 'ours' : `\`${row.registry.slice(REGISTRY_KEY.length + 1)}\``,
      row.source,
    ]),
  )
  return `${PAGE_START}${line(['setting', 'default', 'unit', 'range', 'meaning', 'registry value', 'source'])}${line(Array(7).fill('---'))}${rows.join('')}`
}

const PAGE_START = `# Settings

Every setting of a queue manager. This page is generated from \`queue-manager/settings.ts\` by
\`npx mqlab qm --settings --markdown > docs/settings.md\`; a test fails when it is out of date.

Set them by \`--set Name=value\`, in the \`settings\` of a \`--config\` file, or in a scenario; case does not matter. Where the
product has a registry value, name, unit and default are the registry's; the column tells it below
\`HKLM\\SOFTWARE\\Microsoft\\MSMQ\\Parameters\`. \`ours\` marks what has none: either the specification gives the value a
name, or the setting is a choice of mqlab's own.

Units: \`ms\` and \`s\` may be fractions; a \`flag\` is 0 or 1; \`KB\` is 1,024 bytes.

`

function rangeText({ min, max }: SettingRow): string {
  return `${numberText(min)}..${numberText(max)}`
}

const numberText = (value: number) => value.toLocaleString('en-US')
