// Reads tap's output line by line (the Test Anything Protocol 14 with subtests) and says what people want to know: one
// line a file, each failure with its diagnostics where it happened, and what was skipped. The totals are tap's own.

const POINT = /^(?<indent> *)(?<not>not )?ok \d+(?: - (?<rest>.*?))?(?: \{)?$/
const DIRECTIVE = /^(?<name>.*?)\s*# (?<kind>SKIP|TODO)\b\s*(?<reason>.*)$/i
const TIME = / # time=(?<ms>[\d.]+)ms$/
const SUBTEST = /^(?<indent> *)# Subtest: (?<name>.*)$/
const TOTALS = /^# \{ total: \d+/
const NOISE = /^ *(TAP version \d+|\d+\.\.\d+.*|# time=.*|# No coverage generated|)$/
/** Lines that a test printed are shown when its file fails; this many of them. */
const PRINTED_LINES_MAX = 100

/** `print` gets the lines for people, in order. */
export function createTapSummary(print) {
  const names = [] // names[depth]: the subtest open at that depth; names[0] is the file
  const failedBelow = [] // failedBelow[depth]: whether a point deeper than that has failed since it was opened
  const skipped = []
  let printed = []
  let diagnosticEnd = null // inside a diagnostic block: the line that ends it
  let showDiagnostic = false
  let totals = { total: 0, pass: 0, fail: 0, skip: 0, todo: 0 }

  const pathOf = (depth, name) => [...names.slice(0, depth), name].map(sourceName).join(' > ')

  function point({ indent, not, rest = '' }) {
    const depth = indent.length / 4
    const time = TIME.exec(rest)
    const text = rest.replace(TIME, '')
    const directive = DIRECTIVE.exec(text)
    if (directive !== null) {
      const { name, kind, reason } = directive.groups
      skipped.push(`${kind.toUpperCase()} ${pathOf(depth, name)}${reason === '' ? '' : `: ${reason}`}`)
    }
    const failed = not !== undefined && directive === null
    showDiagnostic = failed && failedBelow[depth] !== true
    if (showDiagnostic && depth > 0) print(`FAIL ${pathOf(depth, text)}`)
    if (failed) for (let above = 0; above < depth; above++) failedBelow[above] = true
    failedBelow[depth] = false
    if (depth > 0) return
    if (failed) for (const line of printed) print(`     | ${line}`)
    printed = []
    const took = time === null ? '' : ` ${(Number(time.groups.ms) / 1000).toFixed(1)} s`
    print(`${failed ? 'FAIL' : directive === null ? 'ok  ' : 'skip'} ${sourceName(text)}${took}`)
  }

  return {
    line(line) {
      if (diagnosticEnd !== null) {
        if (showDiagnostic && line !== diagnosticEnd) print(`     ${line.slice(diagnosticEnd.length - 3)}`)
        if (line === diagnosticEnd) diagnosticEnd = null
        return
      }
      if (/^ *---$/.test(line)) {
        diagnosticEnd = line.replace('---', '...')
        return
      }
      const subtest = SUBTEST.exec(line)
      if (subtest !== null) {
        const depth = subtest.groups.indent.length / 4
        names[depth] = subtest.groups.name
        failedBelow[depth] = false
        return
      }
      const found = POINT.exec(line)
      if (found !== null && found.groups.indent.length % 4 === 0) return point(found.groups)
      if (TOTALS.test(line)) {
        for (const [, key, count] of line.matchAll(/(\w+): (\d+)/g)) totals = { ...totals, [key]: Number(count) }
        return
      }
      if (!NOISE.test(line) && printed.length < PRINTED_LINES_MAX) printed.push(line.trimStart())
    },
    totals: () => totals,
    skippedLines: () => skipped,
  }
}

/** build/test/x.test.js is test/x.test.ts to those who wrote it. */
function sourceName(name) {
  return name.replace(/^build[/\\](.*)\.js$/, '$1.ts')
}
