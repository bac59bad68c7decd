import type { Rule } from './rule.js'

const HEADER = '| rule | looks at | may say | a run shows |\n| --- | --- | --- | --- |\n'

/** Every rule as a table in Markdown, a row each. */
export function rulesMarkdown(rules: readonly Rule[]): string {
  return (
    HEADER +
    rules
      .map(
        ({ id, about, verdicts, shownBy }) =>
          `| ${[id, about, verdicts.join(', '), shownBy].map(cell).join(' | ')} |\n`,
      )
      .join('')
  )
}

const cell = (text: string) => text.replaceAll('|', '\\|')
