import t from 'tap'
import { CaptureBytes } from '../../fixtures/capture-bytes.js'
import { notesOf } from '../../fixtures/stream-notes.js'

const CLIENT = { address: '10.0.0.1', port: 49_152 }
const SERVER = { address: '10.0.0.2', port: 1801 }

t.test('a connection from its first frame to its last', async t => {
  const capture = new CaptureBytes()
  const request = Buffer.alloc(3000, 'request ')
  const response = Buffer.from('response')
  const built = capture.connection(CLIENT, SERVER).open()
  built.send(0, request).acknowledge(1).send(1, response).acknowledge(0)
  capture.wait(60e6)
  built.close(1)
  const notes = notesOf(capture.frames)
  t.strictSame(notes.lines, [
    '0 opened syn',
    '0> bytes 1460 #4',
    '0> bytes 1460 #5',
    '0> bytes 80 #6',
    '0< bytes 8 #8',
    '0< ended fin #10',
  ])
  t.strictSame(notes.stream(0, 0), request)
  t.strictSame(notes.stream(0, 1), response)
  const [connection] = notes.connections
  t.match(connection, { id: 0, opening: 'whole', frames: [7, 5], bytes: [3000, 8], missing: [0, 0] })
  t.strictSame(connection!.client, { ...CLIENT, mac: '02:00:00:00:00:01' })
  t.strictSame(connection!.server, { ...SERVER, mac: '02:00:00:00:00:02' })
  t.equal(notes.endings[0]!.idleUs, 60e6 + 200)
})
