import t from 'tap'
import { clusterMacs } from '../../../gateway/nlb/mac-address.js'

t.test('what ip2mac prints', async t => {
  t.strictSame(clusterMacs('10.0.0.100'), {
    unicast: '02-bf-0a-00-00-64',
    multicast: '03-bf-0a-00-00-64',
    igmp: '01-00-5e-7f-00-64',
  })
  t.strictSame(clusterMacs('192.168.255.1'), {
    unicast: '02-bf-c0-a8-ff-01',
    multicast: '03-bf-c0-a8-ff-01',
    igmp: '01-00-5e-7f-ff-01',
  })
  t.throws(() => clusterMacs('fe80::64'), RangeError, 'the rule for IPv6 is not public')
  t.throws(() => clusterMacs('cluster'), RangeError)
})
