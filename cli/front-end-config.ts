import { dirname, isAbsolute, join } from 'node:path'
import type { MachineNames } from '../gateway/front-end/machine.js'
import {
  type Mapping,
  type MappingRule,
  type MappingTable,
  type PlacedUrl,
  placeText,
} from '../gateway/front-end/mapping.js'
import {
  type MappingFile,
  MappingFileError,
  readMappingFiles,
  refuseIgnored,
} from '../gateway/front-end/mapping-files.js'
import { redirectionsOf } from '../gateway/front-end/tables.js'
import { yamlPlaces } from '../lab/yaml-file.js'
import type { Redirections } from '../queue-manager/http/redirections.js'
import { type FrontEndFile, frontEndSchema } from './front-end-schema.js'
import { fail } from './output.js'
import { parseConfigAs, type QmConfig, qmConfigOf, readConfig } from './qm-config.js'
import { ownAddresses } from './qm-http.js'

/** Everything that `mqlab front-end` is told: what its configuration says, and the mapping files that it names. */
export interface FrontEndConfig {
  readonly qm: QmConfig
  /** The configuration's own rules, then those of the files that are used: of several that fit, the first counts. */
  readonly mappings: readonly Mapping[]
  readonly files: readonly MappingFile[]
  readonly redirections: Redirections
  /** The configuration, and the files and directories that it names. */
  readonly paths: readonly string[]
  readonly names: MachineNames
}

/** Every mapping file leads to the machine itself by this name, as those of Windows XP do. */
const LOCALHOST = 'localhost'

/** @throws {CliError} one line: file, place, what is wrong. With `strict`, also for a mapping file that cannot be used. */
export function frontEndConfig(path: string, strict = false): FrontEndConfig {
  const text = readConfig(path)
  const file = parseConfigAs(frontEndSchema, text, path)
  const config = qmConfigOf({ config: path }, file)
  const paths = file.mapping.map(each => (isAbsolute(each) ? each : join(dirname(path), each)))
  const files = paths.flatMap((each, index) => filesAt(each, () => placedAt(path, text, index)))
  if (strict || file.strict) strictly(files)
  const used = files.filter(({ ignored }) => ignored === null).map(({ mapping }) => mapping)
  const mappings = [yamlMapping(file, text, path), ...used]
  const redirections = redirectionsOf(mappings)
  const { http } = config
  return {
    qm: { ...config, http: { ...http, aliases: [...http.aliases, LOCALHOST], redirections } },
    mappings,
    files,
    redirections,
    paths: [path, ...paths],
    names: namesOf(config),
  }
}

function filesAt(mapping: string, place: () => string): MappingFile[] {
  try {
    return readMappingFiles([mapping])
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    if (syscall === undefined) throw error
    fail(`${place()} mapping: ${mapping} cannot be read (${code}); name files, or directories of them`, {
      cause: error,
    })
  }
}

function placedAt(file: string, text: string, index: number): string {
  return placeText({ file, ...yamlPlaces(text)(['mapping', index]) })
}

function strictly(files: readonly MappingFile[]): void {
  try {
    refuseIgnored(files)
  } catch (error) {
    if (error instanceof MappingFileError) fail(error.message, { cause: error })
    throw error
  }
}

const TABLES = [
  ['inbound', 'inbound'],
  ['outbound', 'outbound'],
  ['streamReceipts', 'receipts'],
] as const satisfies readonly (readonly [keyof FrontEndFile, MappingTable])[]

/** The configuration's own rules, with their places. */
function yamlMapping(
  file: Pick<FrontEndFile, (typeof TABLES)[number][0] | 'outboundExceptions' | 'defaultStreamReceipt' | 'transparent'>,
  text: string,
  path: string,
): Mapping {
  const placeOf = yamlPlaces(text)
  const placed = (url: string, ...at: readonly PropertyKey[]): PlacedUrl => ({ url, file: path, ...placeOf(at) })
  const { outboundExceptions, defaultStreamReceipt, transparent } = file
  const rules = TABLES.flatMap(([key, table]) =>
    file[key].map(
      ({ from, to }, index): MappingRule => ({
        table,
        from: placed(from, key, index, 'from'),
        to: placed(to, key, index, 'to'),
      }),
    ),
  )
  return {
    file: path,
    form: 'yaml',
    rules,
    exceptions: outboundExceptions.map((url, index) => placed(url, 'outboundExceptions', index)),
    defaultReceipts: defaultStreamReceipt === undefined ? [] : [placed(defaultStreamReceipt, 'defaultStreamReceipt')],
    transparent,
    faults: [],
  }
}

function namesOf({ name, dnsName, address, http, queues }: QmConfig): MachineNames {
  const own = [name, dnsName, http.name, ...ownAddresses(address)]
  const aliases = new Set(http.aliases.map(alias => alias.toLowerCase()))
  return {
    own: own.filter(each => each !== undefined).filter(each => !aliases.has(each.toLowerCase())),
    aliases: http.aliases,
    queues: queues.map(({ name }) => name),
  }
}
