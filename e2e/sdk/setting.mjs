// What a walk works with: the clients, the server's controls, and waiting.
import assert from 'node:assert/strict';
import Finch from '@tryfinch/finch-api';
import { recorder } from './record.mjs';

function need(name) {
  const value = process.env[name];
  if (!value) throw new Error(`the environment variable ${name} is missing`);
  return value;
}

const baseURL = need('PERCH_URL');
const record = recorder(need('PERCH_RECORD'));

// application holds the credentials of one of the applications that the test made.
export function application(prefix) {
  return { clientID: need(`${prefix}_CLIENT_ID`), clientSecret: need(`${prefix}_CLIENT_SECRET`) };
}

// client returns the published library, set up as its own documentation has it, but that it does
// not try again by itself: a walk wants to see each answer once.
export function client(credentials, accessToken = null) {
  return new Finch({ ...credentials, accessToken, baseURL, fetch: record, maxRetries: 0 });
}

// control asks the test to do what no client can: wait until a sync reached a point, or let it go on.
export async function control(what, stage) {
  const answer = await fetch(`${need('PERCH_CONTROL')}/${what}/${stage}`, { method: 'POST' });
  assert.equal(answer.status, 204, `${what} ${stage}: ${await answer.text()}`);
}

// connected waits until the first sync of a token's connection is over.
export async function connected(finch) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const token = await finch.account.introspect();
    if (token.connection_status.status === 'connected') return token;
    assert.equal(token.connection_status.status, 'processing');
    assert.ok(Date.now() < deadline, 'the first sync takes more than a minute');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// refused awaits a failure of the given class, status, name and finch_code, and returns it.
export async function refused(call, { as, status, name, code = '' }) {
  const failure = await call.then(
    () => assert.fail(`${name} was expected, but the call succeeded`),
    (error) => error,
  );
  assert.ok(failure instanceof as, `${failure} is not a ${as.name}`);
  assert.deepEqual(
    { status: failure.status, code: failure.error.code, name: failure.error.name, finch_code: failure.error.finch_code },
    { status, code: status, name, finch_code: code },
  );
  assert.ok(failure.error.message, 'an error explains itself');
  return failure;
}

export const unknownID = '7c1f9d7e-3f0b-4d3c-9f4b-0a6a5b1c2d3e';

// step names what is being done, so that a failure says where it happened.
export async function step(name, work) {
  try {
    return await work();
  } catch (error) {
    console.error(`The walk stopped at: ${name}`);
    throw error;
  }
}
