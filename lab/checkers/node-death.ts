import type { Checker } from '../finding.js'

/** A node that ended before it was told to. What it had reported by then counts; the rest is unknown. */
export const checkNodeDeaths: Checker = ({ run }) => {
  const [first] = run.deaths
  if (first === undefined) return []
  const how = first.signal === null ? `exit code ${first.exitCode}` : `signal ${first.signal}`
  const why = first.reason === null ? '' : `: ${first.reason}`
  return [
    {
      id: 'node-died',
      behaviour: null,
      severity: 'anomaly',
      count: run.deaths.length,
      first: { atMs: null, nodes: [first.node], text: `${first.node} ended by ${how}${why}` },
    },
  ]
}
