// Providers, tokens, the errors of every call, and the end of a connection.
import assert from 'node:assert/strict';
import Finch from '@tryfinch/finch-api';
import { application, client, connected, control, refused } from './setting.mjs';

export async function providers(finch) {
  const withToken = [];
  for await (const provider of finch.providers.list()) withToken.push(provider);
  assert.ok(withToken.some((provider) => provider.id === 'gusto'));
  assert.equal(new Set(withToken.map((provider) => provider.id)).size, withToken.length);
  const without = await finch.providers.list({ headers: { Authorization: null } });
  assert.ok(without.items.length >= withToken.length);
}

export async function introspection(finch, connection, clientID) {
  const token = await finch.account.introspect();
  for (const field of ['connection_id', 'company_id', 'account_id', 'provider_id', 'products']) {
    assert.deepEqual(token[field], connection[field], field);
  }
  assert.equal(token.client_id, clientID);
  assert.equal(token.client_type, 'sandbox');
  assert.equal(token.connection_type, 'finch');
  assert.deepEqual(token.entities.map((entity) => [entity.id, entity.status]), [[connection.entity_id, 'connected']]);
  assert.ok(Date.parse(token.connection_status.last_successful_sync) <= Date.now());
}

// dataCalls are all calls that need a product, each with the least that it accepts.
function dataCalls(finch) {
  const id = '7c1f9d7e-3f0b-4d3c-9f4b-0a6a5b1c2d3e';
  return {
    company: () => finch.hris.company.retrieve(),
    directory: () => finch.hris.directory.list(),
    individual: () => finch.hris.individuals.retrieveMany({ requests: [{ individual_id: id }] }),
    employment: () => finch.hris.employments.retrieveMany({ requests: [{ individual_id: id }] }),
    payment: () => finch.hris.payments.list({ start_date: '2024-01-01', end_date: '2024-12-31' }),
    pay_statement: () => finch.hris.payStatements.retrieveMany({ requests: [{ payment_id: id }] }),
    pay_groups: () => finch.payroll.payGroups.list(),
    pay_group: () => finch.payroll.payGroups.retrieve(id),
  };
}

// credentials shows the errors of wrong tokens and secrets.
export async function credentials(main) {
  const stranger = client(main, 'not-a-token');
  const invalid = { as: Finch.AuthenticationError, status: 401, name: 'invalid_token_error' };
  for (const call of Object.values(dataCalls(stranger))) await refused(call(), invalid);
  await refused(stranger.account.introspect(), invalid);
  await refused(stranger.account.disconnect(), invalid);
  await refused(stranger.providers.list(), invalid);
  await refused(stranger.account.introspect({ headers: { Authorization: null } }), {
    as: Finch.AuthenticationError, status: 401, name: 'unauthorized_request_error',
  });
  await refused(client({ ...main, clientSecret: 'guessed' }).sandbox.connections.create({ provider_id: 'gusto' }), {
    as: Finch.AuthenticationError, status: 401, name: 'invalid_client_error',
  });
}

// requests shows the errors of requests that no sandbox or address answers.
export async function requests(main, finch) {
  const wrong = { as: Finch.BadRequestError, status: 400, name: 'invalid_request_error', code: 'invalid_request' };
  const create = (body) => client(main).sandbox.connections.create(body);
  await refused(create({ provider_id: 'nowhere' }), wrong);
  await refused(create({}), wrong);
  await refused(create({ provider_id: 'gusto', employee_size: 0 }), wrong);
  await refused(create({ provider_id: 'gusto', authentication_type: 'handshake' }), wrong);
  await refused(create({ provider_id: 'gusto', products: ['everything'] }), wrong);
  await refused(client(application('PERCH_REAL')).sandbox.connections.create({ provider_id: 'gusto' }), wrong);
  await refused(finch.hris.company.retrieve({}, { headers: { 'Finch-API-Version': '1999-01-01' } }), wrong);
  await refused(finch.get('/employer/nothing', { headers: { Authorization: 'Bearer none' } }), {
    as: Finch.NotFoundError, status: 404, name: 'not_found_error', code: 'item_not_found',
  });
}

// scopes shows that a token with one product reaches its endpoint and no other.
export async function scopes(main) {
  const { access_token, products } = await client(main).sandbox.connections.create({ provider_id: 'gusto', products: ['directory'], employee_size: 2 });
  assert.deepEqual(products, ['directory']);
  const finch = client(main, access_token);
  await connected(finch);
  for (const [name, call] of Object.entries(dataCalls(finch))) {
    if (name === 'directory') assert.equal((await call()).individuals.length, 2);
    else await refused(call(), { as: Finch.PermissionDeniedError, status: 403, name: 'insufficient_scope_error' });
  }
}

// accepted awaits a 202, which the library hands out like any success.
async function accepted(call, name, code) {
  const { data, response } = await call.withResponse();
  assert.equal(response.status, 202);
  const body = data.body ?? data;
  assert.equal(body.code, 202);
  assert.equal(body.name, name);
  assert.equal(body.finch_code, code);
}

// firstSync watches a first sync that the test stops twice: before it reads anything, and between
// the payments and their statements.
export async function firstSync(main) {
  const { access_token } = await client(main).sandbox.connections.create({ provider_id: 'paychex_flex', employee_size: 3 });
  const finch = client(main, access_token);
  await control('await', 'company');
  assert.equal((await finch.account.introspect()).connection_status.status, 'processing');
  await accepted(finch.hris.company.retrieve(), 'sync_in_progress', 'data_sync_in_progress');
  const unready = await finch.hris.payments.list({ start_date: '2024-01-01', end_date: '2024-12-31' });
  assert.equal(unready.response.status, 202);

  await control('release', 'company');
  await control('await', 'statements');
  assert.equal((await finch.hris.directory.list()).individuals.length, 3);
  const payments = (await finch.hris.payments.list({ start_date: '2000-01-01', end_date: '2099-12-31' })).items;
  assert.ok(payments.length > 0, 'payments are there before their statements');
  const request = { requests: [{ payment_id: payments[0].id }] };
  const [early] = (await finch.hris.payStatements.retrieveMany(request)).responses;
  assert.deepEqual([early.code, early.body.code, early.body.name, early.body.finch_code], [202, 202, 'accepted', 'data_sync_in_progress']);

  await control('release', 'statements');
  await connected(finch);
  const [late] = (await finch.hris.payStatements.retrieveMany(request)).responses;
  assert.equal(late.code, 200);
}

// assisted shows a connection that waits for a person to set it up.
export async function assisted(main) {
  const made = await client(main).sandbox.connections.create({ provider_id: 'isolved' });
  assert.equal(made.authentication_type, 'assisted');
  const finch = client(main, made.access_token);
  assert.equal((await finch.account.introspect()).connection_status.status, 'pending');
  await accepted(finch.hris.company.retrieve(), 'authorization_pending', 'pending');
}

// rateLimit uses up what a sandbox application may ask in a minute, which is twice the usual.
export async function rateLimit() {
  const limited = application('PERCH_LIMITED');
  const { access_token } = await client(limited).sandbox.connections.create({ provider_id: 'gusto', employee_size: 1 });
  const finch = client(limited, access_token);
  await connected(finch);
  for (let i = 0; i < 40; i++) await finch.hris.company.retrieve();
  const failure = await refused(finch.hris.company.retrieve(), {
    as: Finch.RateLimitError, status: 429, name: 'rate_limit_exceeded_error', code: 'finch_application_rl',
  });
  assert.ok(Number(failure.headers.get('retry-after')) > 0);
  assert.equal((await finch.hris.directory.list()).individuals.length, 1, 'every endpoint has a limit of its own');
}

// disconnection ends the connection; its token is refused everywhere from then on.
export async function disconnection(main, finch) {
  assert.equal((await finch.account.disconnect()).status, 'success');
  const invalid = { as: Finch.AuthenticationError, status: 401, name: 'invalid_token_error' };
  for (const call of Object.values(dataCalls(finch))) await refused(call(), invalid);
  await refused(finch.account.introspect(), invalid);
  await refused(finch.account.disconnect(), invalid);
  await refused(finch.providers.list(), invalid);
}
