// Events, as an application learns of them: the feed, the published client library's unwrap of each body,
// and modified_after where the data is read again.
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { application, client, connected } from './setting.mjs';

const credentials = application('PERCH');
const secret = randomBytes(32).toString('base64');

// feed asks for a page of events. The feed is not part of the published API, so the library has no method for it.
async function feed(query = {}) {
  const answer = await fetch(`${process.env.PERCH_URL}/events?${new URLSearchParams(query)}`, {
    headers: { Authorization: `Basic ${Buffer.from(`${credentials.clientID}:${credentials.clientSecret}`).toString('base64')}` },
  });
  return { status: answer.status, ...(await answer.json()) };
}

// follow reads from a cursor to the end, in small pages.
async function follow(cursor, query = {}) {
  const events = [];
  for (;;) {
    const page = await feed({ limit: 5, ...query, ...(cursor && { cursor }) });
    assert.equal(page.status, 200);
    events.push(...page.events);
    cursor = page.next_cursor;
    if (!page.has_more) return { events, cursor };
  }
}

// unwrapped signs a body as a webhook is signed and lets the library check and read it.
function unwrapped({ id, body }) {
  const text = JSON.stringify(body);
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = createHmac('sha256', Buffer.from(secret, 'base64')).update(`${id}.${timestamp}.${text}`).digest('base64');
  const headers = { 'Finch-Event-Id': id, 'Finch-Timestamp': timestamp, 'Finch-Signature': `v1,${signature}` };
  return client(credentials).webhooks.unwrap(text, headers, secret);
}

// summary is what events are about, in no order.
const summary = (events) => events.map((e) => `${e.event_type} ${JSON.stringify(e.data)}`).sort();

const made = await client(credentials).sandbox.connections.create({ provider_id: 'gusto', employee_size: 15 });
const finch = client(credentials, made.access_token);
await connected(finch);
let { events, cursor } = await follow();
assert.equal(new Set(events.map((e) => e.id)).size, events.length, 'ids are unique');
for (const event of events) {
  const body = unwrapped(event);
  assert.deepEqual(
    { connection: body.connection_id, company: body.company_id, account: body.account_id, entity: body.entity_id },
    { connection: made.connection_id, company: made.company_id, account: made.account_id, entity: made.entity_id },
  );
  assert.ok(Math.abs(Date.now() - Date.parse(event.created_at)) < 120_000);
}
const types = events.map((e) => e.body.event_type);
for (const once of ['job.initial_data_sync_org.succeeded', 'job.initial_data_sync_payroll.succeeded']) {
  const [first, ...more] = events.filter((e) => e.body.event_type === once);
  assert.equal(more.length, 0, once);
  assert.ok(first.body.data.job_url.endsWith(`/jobs/automated/${first.body.data.job_id}`));
  const job = await finch.jobs.automated.retrieve(first.body.data.job_id);
  assert.equal(job.type, 'data_sync_all');
}
const statuses = events.filter((e) => e.body.event_type === 'account.updated').map((e) => e.body.data);
const method = { type: made.authentication_type };
assert.deepEqual(statuses, ['processing', 'connected'].map((status) => ({ status, authentication_method: method })));
assert.ok(!types.some((type) => /^(company|directory|individual|employment|payment|pay_statement)\./.test(type)), 'no data events of a first sync');

// Edits of the simulated employer are seen, and told of, with the next sync.
const { data: page, response } = await finch.hris.directory.list().withResponse();
const read = response.headers.get('finch-data-retrieved');
const [ada, ben] = page.individuals;
const ever = { start_date: '2000-01-01', end_date: '2199-12-31' };
const payments = (await finch.hris.payments.list(ever).withResponse()).response.headers.get('finch-data-retrieved');
await finch.sandbox.individual.update(ada.id, { dob: '1990-05-17' });
await finch.sandbox.employment.update(ben.id, { title: 'Baker' });
assert.deepEqual((await follow(cursor)).events, []);
const paid = await finch.sandbox.payment.create();
await finch.sandbox.jobs.create({ type: 'data_sync_all' });
const deadline = Date.now() + 60_000;
for (;;) {
  ({ events } = await follow(cursor));
  if (events.some((e) => e.body.event_type === 'job.data_sync_all.completed')) break;
  assert.ok(Date.now() < deadline, 'the sync takes more than a minute');
  await new Promise((resolve) => setTimeout(resolve, 50));
}
({ events, cursor } = await follow(cursor));
const told = events.map(unwrapped).filter((e) => !e.event_type.startsWith('job.'));
const [entry] = (await finch.hris.payStatements.retrieveMany({ requests: [{ payment_id: paid.payment_id, limit: 5000 }] })).responses;
const payees = entry.body.pay_statements.map((s) => s.individual_id);
assert.ok(payees.length > 0);
assert.deepEqual(summary(told), summary([
  { event_type: 'individual.updated', data: { individual_id: ada.id } },
  { event_type: 'employment.updated', data: { individual_id: ben.id } },
  { event_type: 'payment.created', data: { payment_id: paid.payment_id, pay_date: paid.pay_date } },
  ...payees.map((individual_id) => ({ event_type: 'pay_statement.created', data: { payment_id: paid.payment_id, individual_id } })),
]));

// Filters, the newest cursor, and another application.
assert.deepEqual((await follow(undefined, { event_types: 'employment.updated' })).events.map((e) => e.body.data), [{ individual_id: ben.id }]);
assert.deepEqual((await follow(undefined, { connection_id: '7c1f9d7e-3f0b-4d3c-9f4b-0a6a5b1c2d3e' })).events, []);
const latest = await feed({ cursor: 'latest' });
assert.deepEqual({ events: latest.events, more: latest.has_more, next: latest.next_cursor }, { events: [], more: false, next: cursor });
const wrong = await feed({ cursor: 'nowhere' });
assert.deepEqual([wrong.status, wrong.finch_code], [400, 'invalid_request']);

// What changed since the directory was read.
const requests = page.individuals.map(({ id }) => ({ individual_id: id }));
const options = { modified_after: read };
const individuals = await finch.hris.individuals.retrieveMany({ requests, options });
assert.deepEqual(individuals.responses.map((r) => r.individual_id), [ada.id]);
assert.equal(individuals.responses[0].body.dob, '1990-05-17');
const employments = await finch.hris.employments.retrieveMany({ requests, options });
assert.deepEqual(employments.responses.map((r) => r.individual_id), [ben.id]);
const entries = await finch.hris.directory.list({ modified_after: read });
assert.deepEqual({ ...entries.paging }, { count: 0, offset: 0 });
assert.deepEqual(entries.individuals, []);
const everyone = await finch.hris.directory.list({ modified_after: '2000-01-01', limit: 4 });
assert.deepEqual([everyone.paging.count, everyone.individuals.length], [page.paging.count, 4]);
const fresh = await finch.hris.payments.list({ ...ever, modified_after: payments });
assert.deepEqual(fresh.items.map((p) => p.id), [paid.payment_id]);

await finch.account.disconnect();
const ends = await follow(cursor);
assert.deepEqual(ends.events.map((e) => unwrapped(e).data), [{ status: 'disconnected', authentication_method: method }]);
