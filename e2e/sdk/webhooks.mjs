// Unwraps webhooks with the published library. The environment names a file with the cases: each has
// the headers and the body as they were received, the secret, and part of the message of the error that
// is expected, or an empty one.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import Finch from '@tryfinch/finch-api';

const cases = JSON.parse(readFileSync(process.env.PERCH_CASES, 'utf8'));
const finch = new Finch({ clientID: 'x', clientSecret: 'x' });
for (const { name, headers, body, secret, wrong } of cases) {
  const unwrap = () => finch.webhooks.unwrap(body, headers, secret);
  if (wrong) {
    assert.throws(unwrap, (error) => error.message.includes(wrong), name);
    continue;
  }
  const event = unwrap();
  assert.deepEqual(event, JSON.parse(body), name);
  assert.match(event.connection_id, /^[0-9a-f-]{36}$/, name);
  assert.equal(typeof event.event_type, 'string', name);
}
console.log(`${cases.length} webhooks`);
