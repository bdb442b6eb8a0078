// Walks through the automated jobs of a running Perch with the published client library, as
// jobs_test.go starts it.
import assert from 'node:assert/strict';
import Finch from '@tryfinch/finch-api';
import { application, client, connected, control, refused, unknownID } from './setting.mjs';

const main = application('PERCH');
const made = await client(main).sandbox.connections.create({ provider_id: 'paychex_flex' });
const finch = client(main, made.access_token);
const jobs = finch.jobs.automated;
const address = (id) => `${process.env.PERCH_URL}/jobs/automated/${id}`;

// over waits until a job is over.
async function over(id) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const job = await jobs.retrieve(id);
    if (!['pending', 'in_progress'].includes(job.status)) return job;
    assert.equal(job.completed_at, null);
    assert.ok(Date.now() < deadline, 'the job takes more than a minute');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// The first sync is a job that nobody asked for.
await control('await', 'company');
const running = await jobs.list();
assert.equal(running.data.length, 1);
const [first] = running.data;
assert.equal(first.status, 'in_progress');
assert.equal(first.type, 'data_sync_all');
assert.equal(first.job_url, address(first.job_id));
assert.equal(first.scheduled_at, first.created_at);
assert.ok(first.started_at);
assert.equal(first.completed_at, null);
assert.equal(first.params, null);
assert.deepEqual(running.meta.quotas.data_sync_all, { allowed_refreshes: 10, remaining_refreshes: 10 });

// While it runs, a refresh is that job and costs nothing.
const same = await jobs.create({ type: 'data_sync_all' });
assert.deepEqual(same, { job_id: first.job_id, job_url: first.job_url, allowed_refreshes: 10, remaining_refreshes: 10 });
await control('release', 'company');
await connected(finch);
const done = await over(first.job_id);
assert.equal(done.status, 'complete');
assert.ok(Date.parse(done.completed_at) >= Date.parse(done.started_at));

// Ten refreshes an hour; each is a job of its own, and the newest is listed first.
const made10 = [];
for (let left = 9; left >= 0; left--) {
  const { job_id: id, ...refresh } = await jobs.create({ type: 'data_sync_all' });
  assert.deepEqual(refresh, { job_url: address(id), allowed_refreshes: 10, remaining_refreshes: left });
  const job = await over(id);
  assert.equal(job.status, 'complete');
  assert.equal(job.scheduled_at, null);
  made10.unshift(id);
}
const all = await jobs.list();
assert.deepEqual(all.data.map((job) => job.job_id), [...made10, first.job_id]);
assert.deepEqual(all.meta.quotas.data_sync_all, { allowed_refreshes: 10, remaining_refreshes: 0 });
const page = await jobs.list({ limit: 3, offset: 9 });
assert.deepEqual(page.data.map((job) => job.job_id), [made10[9], first.job_id]);

// The eleventh is refused with the time at which to ask again, and with the last job.
const refusal = await jobs.create({ type: 'data_sync_all' }).then(() => assert.fail('an eleventh refresh'), (error) => error);
assert.ok(refusal instanceof Finch.RateLimitError, String(refusal));
const { retry_at: retryAt, ...rest } = refusal.error;
assert.deepEqual(rest, { job_id: made10[0], job_url: address(made10[0]), allowed_refreshes: 10, remaining_refreshes: 0 });
const wait = Date.parse(retryAt) - Date.now();
assert.ok(wait > 0 && wait <= 3_600_000, retryAt);
assert.match(retryAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
assert.ok(Number(refusal.headers.get('retry-after')) > 0);

// What is not there, and what is not this token's.
await refused(jobs.retrieve(unknownID), { as: Finch.NotFoundError, status: 404, name: 'not_found_error', code: 'item_not_found' });
const other = client(main, (await client(main).sandbox.connections.create({ provider_id: 'paycor' })).access_token);
await refused(other.jobs.automated.retrieve(first.job_id), { as: Finch.NotFoundError, status: 404, name: 'not_found_error', code: 'item_not_found' });

// Assisted connections are told so in the contract's words.
const assisted = client(main, (await client(main).sandbox.connections.create({ provider_id: 'paycor', authentication_type: 'assisted' })).access_token);
const no = await assisted.jobs.automated.create({ type: 'data_sync_all' }).then(() => assert.fail('a job of an assisted connection'), (error) => error);
assert.ok(no instanceof Finch.BadRequestError, String(no));
assert.deepEqual(no.error, {
  statusCode: 400, status: 400, code: 400, name: 'bad_request', message: 'cannot create automated job for Assisted Connect token',
});
assert.deepEqual(await assisted.jobs.automated.list(), { meta: { quotas: {} }, data: [] });

// Without a token there is nothing.
const nobody = { headers: { Authorization: null } };
for (const call of [() => jobs.create({ type: 'data_sync_all' }, nobody), () => jobs.list({}, nobody)]) {
  const stranger = await call().then(() => assert.fail('an answer without a token'), (error) => error);
  assert.ok(stranger instanceof Finch.AuthenticationError, String(stranger));
  assert.equal(stranger.error.statusCode, 401);
  assert.equal(stranger.error.name, 'unauthorized_request_error');
}
