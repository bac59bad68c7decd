import t from 'tap'
import { NO_BREAK, wrapped } from '../../cli/wrapped-text.js'

t.test('lines break at spaces, and not at those that hold words together', async t => {
  t.equal(wrapped('one two\nthree', '  ', 9), '  one two\n  three\n')
  t.equal(wrapped(`one 2${NO_BREAK}s three`, '', 6), 'one\n2 s\nthree\n')
})
