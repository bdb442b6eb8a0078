// Walks through every endpoint of a running Perch with the published client library, unmodified.
// The Go test beside this folder starts the server, runs this, and then holds every recorded answer
// against the contract.
import assert from 'node:assert/strict';
import { application, client, connected, step } from './setting.mjs';
import * as organization from './organization.mjs';
import * as payroll from './payroll.mjs';
import * as other from './others.mjs';
import * as management from './management.mjs';

const main = application('PERCH');
const size = 20;

const connection = await step('a sandbox connection', async () => {
  const made = await client(main).sandbox.connections.create({ provider_id: 'paycor' });
  assert.equal(made.provider_id, 'paycor');
  assert.equal(made.token_type, 'bearer');
  assert.ok(made.access_token.length >= 32);
  return made;
});
const finch = client(main, connection.access_token);
await step('the first sync', () => connected(finch));

await step('company', () => organization.company(finch, connection));
const people = await step('directory', () => organization.directory(finch, connection, size));
await step('individuals', () => organization.individuals(finch, people));
await step('employments', () => organization.employments(finch, people));
const payments = await step('payments', () => payroll.payments(finch, connection, people));
await step('pay statements', () => payroll.payStatements(finch, payments));
await step('pay groups', () => payroll.payGroups(finch, connection, people, payments));
await step('other providers', () => other.providers(application('PERCH_WIDE')));
await step('providers', () => management.providers(finch));
await step('introspection', () => management.introspection(finch, connection, main.clientID));
await step('wrong credentials', () => management.credentials(main));
await step('wrong requests', () => management.requests(main, finch));
await step('scopes', () => management.scopes(main));
await step('a first sync, watched', () => management.firstSync(main));
await step('an assisted connection', () => management.assisted(main));
await step('rate limits', () => management.rateLimit());
await step('disconnection', () => management.disconnection(main, finch));
