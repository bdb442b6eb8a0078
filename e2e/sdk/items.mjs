// The page "Pay Statement Items & Rules" of the documentation, line by line, with the published client
// library. The server's employers have the lines that the page speaks of on every statement.
import assert from 'node:assert/strict';
import Finch from '@tryfinch/finch-api';
import { application, client, connected, refused, unknownID } from './setting.mjs';

const wrong = { as: Finch.BadRequestError, status: 400, name: 'invalid_request_error', code: 'invalid_request' };
const credentials = application('PERCH');
const lists = { earnings: 'earnings', taxes: 'taxes', employee_deductions: 'employee_deductions', employer_contributions: 'employer_contributions' };

async function employer() {
  const made = await client(credentials).sandbox.connections.create({ provider_id: 'paycor', employee_size: 3 });
  const finch = client(credentials, made.access_token);
  await connected(finch);
  return { ...made, finch };
}

const mine = await employer();
const other = await employer();
const { finch } = mine;
const { payStatementItem: items } = finch.hris;

// items of a connection, all or filtered.
async function all(query = {}, of = finch) {
  const list = [];
  for await (const item of of.hris.payStatementItem.list(query)) list.push(item);
  return list;
}

// lines of all statements of the newest payment, by category.
async function lines(of = finch) {
  const payments = (await of.hris.payments.list({ start_date: '2000-01-01', end_date: '2099-12-31' })).items;
  const { responses } = await of.hris.payStatements.retrieveMany({ requests: [{ payment_id: payments.at(-1).id }] });
  assert.equal(responses[0].code, 200);
  return responses[0].body.pay_statements.flatMap((statement) =>
    Object.keys(lists).flatMap((category) => (statement[category] ?? []).map((line) => ({ ...line, category }))),
  );
}

// metadataOf returns what the item and each of its lines carry, which have to agree.
async function metadataOf(name) {
  const [item] = (await all({ name })).filter((one) => one.name === name);
  const named = (await lines()).filter((line) => line.name === name);
  assert.ok(named.length > 0, `${name} is on the statements`);
  for (const line of named) assert.deepEqual(line.attributes?.metadata ?? null, item.attributes.metadata);
  return item.attributes.metadata;
}

const equals = (field, value) => ({ field, operator: 'equals', value });
const rule = (conditions, metadata, more = {}) =>
  items.rules.create({ conditions, attributes: { metadata }, entity_type: 'pay_statement_item', ...more });

// "Identify the metadata attributes that you would like to track (eg. item eligibiity or source code)."
const attributes = { eligible: true, source_code: 'D-401' };

// "Fetch all the unique pay statement items for a given connection from the /pay-statement-item endpoint."
const known = await all();
assert.equal(new Set(known.map((item) => JSON.stringify([item.category, item.name, item.attributes]))).size, known.length, 'each item is there once');
for (const line of await lines()) {
  const same = known.filter((item) => item.category === line.category && item.name === line.name && item.attributes.type === line.type
    && (line.category !== 'taxes' || item.attributes.employer === line.employer)
    && (line.category !== 'employee_deductions' || item.attributes.pre_tax === line.pre_tax));
  assert.equal(same.length, 1, `${line.category} ${line.name} is one item`);
  assert.equal(line.attributes, undefined, 'without rules a line has no attributes');
}
for (const item of known) {
  assert.equal(item.attributes.metadata, null, 'without rules an item has no metadata');
  assert.equal('pre_tax' in item.attributes, item.category === 'employee_deductions');
  assert.equal('employer' in item.attributes, item.category === 'taxes');
}
for (const name of ['Salary', 'Bonus', '401k', 'HSA', 'Health Insurance', 'Retirement Match']) {
  assert.ok(known.some((item) => item.name === name), `${name} is listed`);
}

// The filters of the endpoint.
assert.deepEqual(await all({ categories: ['taxes', 'employer_contributions'] }), known.filter((item) => ['taxes', 'employer_contributions'].includes(item.category)));
assert.deepEqual(await all({ name: 'RETIRE' }), known.filter((item) => item.name.toLowerCase().includes('retire')));
assert.deepEqual(await all({ type: '401k' }), known.filter((item) => item.attributes.type === '401k'));
assert.deepEqual(await all({ start_date: '2000-01-01', end_date: '2099-12-31', entity_ids: [mine.entity_id] }), known);
assert.deepEqual(await all({ end_date: '1999-12-31' }), []);
await refused(items.list({ categories: ['pay'] }), wrong);
await refused(items.list({ start_date: '2024-02-30' }), wrong);
await refused(items.list({ entity_ids: [unknownID] }), wrong);

// "For pay statement deduction items that are called "401k", assign a label called "Pre-Tax EE Deferral"."
// "Call the POST /pay-statement-item/rules endpoints to create a rule."
const deferral = await rule([equals('category', 'employee_deductions'), equals('name', '401k')], { label: 'Pre-Tax EE Deferral', ...attributes });
assert.match(deferral.id, /^[0-9a-f-]{36}$/);
assert.equal(deferral.priority, 1);
assert.equal(deferral.entity_type, 'pay_statement_item');
assert.equal(deferral.effective_start_date, null);
assert.equal(deferral.effective_end_date, null);
assert.ok(Date.parse(deferral.created_at) > Date.now() - 600_000);

// "When the rule conditions are met, metadata attributes will be appended to that pay statement item, which
// can be retrieved as part of /pay-statement or /pay-statement-item." There was no sync in between.
assert.deepEqual(await metadataOf('401k'), { label: 'Pre-Tax EE Deferral', ...attributes });
assert.equal(await metadataOf('HSA'), null, 'what does not meet the conditions stays as it is');

// "Note that pay statement item rules can only be applied to a specific connection."
assert.deepEqual((await all({}, other.finch)).filter((item) => item.attributes.metadata !== null), []);
assert.deepEqual((await lines(other.finch)).filter((line) => line.attributes), []);
assert.deepEqual((await other.finch.hris.payStatementItem.rules.list()).responses, []);
for (const call of [() => other.finch.hris.payStatementItem.rules.delete(deferral.id), () => other.finch.hris.payStatementItem.rules.update(deferral.id, {})]) {
  const failure = await refused(call(), wrong);
  assert.equal(failure.error.message, `Rule ${deferral.id} not found`);
}

// "Use the other management endpoints (GET, PUT, DEL) to maintain those rules."
assert.deepEqual((await items.rules.list({ entity_ids: [mine.entity_id] })).responses, [deferral]);
const changed = await items.rules.update(deferral.id, { optionalProperty: { attributes: { metadata: { label: 'Deferral' } }, effective_end_date: '2999-12-31' } });
assert.deepEqual({ ...changed, updated_at: '' }, { ...deferral, attributes: { metadata: { label: 'Deferral' } }, effective_end_date: '2999-12-31', updated_at: '' });
assert.deepEqual(await metadataOf('401k'), { label: 'Deferral' });
await items.rules.update(deferral.id, { effective_end_date: '1999-12-31' });
assert.equal(await metadataOf('401k'), null, 'the rule has stopped to apply');
await items.rules.update(deferral.id, { effective_end_date: null });
assert.deepEqual(await metadataOf('401k'), { label: 'Deferral' });
const gone = await items.rules.delete(deferral.id);
assert.equal(gone.id, deferral.id);
assert.ok(gone.deleted_at);
assert.equal(await metadataOf('401k'), null);
assert.deepEqual((await items.rules.list()).responses, []);
await refused(items.rules.delete(deferral.id), wrong);

// "If the name field is "Salary", label it as "Base Compensation"." "… "Bonus" … "Variable Pay"."
await rule([equals('name', 'Salary')], { label: 'Base Compensation' });
await rule([equals('name', 'Bonus')], { label: 'Variable Pay' });
assert.deepEqual(await metadataOf('Salary'), { label: 'Base Compensation' });
assert.deepEqual(await metadataOf('Bonus'), { label: 'Variable Pay' });

// "If the name field is "401k", ensure it is categorized as a pre-tax deduction."
await rule([equals('name', '401k'), equals('pre_tax', 'true')], { category: 'pre-tax deduction' });
assert.deepEqual(await metadataOf('401k'), { category: 'pre-tax deduction' });
// "If the name field is "HSA", add a metadata tag for tax-exempt handling."
await rule([equals('name', 'HSA')], { tax_exempt: true });
assert.deepEqual(await metadataOf('HSA'), { tax_exempt: true });

// "If the name field is "Health Insurance", classify it as an employer contribution."
await rule([equals('name', 'Health Insurance')], { class: 'employer contribution' });
assert.deepEqual(await metadataOf('Health Insurance'), { class: 'employer contribution' });
// "If the name field is "Retirement Match", ensure proper tax treatment."
await rule([equals('name', 'Retirement Match')], { tax: { deferred: true, limits: ['415(c)', 402] } });
assert.deepEqual(await metadataOf('Retirement Match'), { tax: { deferred: true, limits: ['415(c)', 402] } });

// "Apply a custom label to specific pay statement items to align with internal reporting."
// A broad rule comes after the specific ones: it adds what they leave open, and overrides nothing.
const broad = await rule([equals('category', 'earnings')], { label: 'Other pay', ledger: 6000 });
assert.deepEqual(await metadataOf('Salary'), { label: 'Base Compensation', ledger: 6000 });
assert.deepEqual((await lines()).filter((line) => line.category !== 'earnings' && line.attributes?.metadata.ledger), []);
assert.deepEqual((await items.rules.list()).responses.map((one) => one.priority), [1, 2, 3, 4, 5, 6, 7]);
await items.rules.delete(broad.id);
assert.deepEqual(await metadataOf('Salary'), { label: 'Base Compensation' });

// A rule that is no good is refused, and says why.
const message = async (call) => (await refused(call, wrong)).error.message;
assert.match(await message(items.rules.create()), /^conditions: /);
assert.match(await message(rule([], { label: 'x' })), /^conditions: must hold at least one/);
assert.match(await message(rule([equals('amount', '1')], { label: 'x' })), /^conditions\[0\]\.field: must be one of/);
assert.match(await message(rule([equals('name', 'Salary')], {})), /^attributes\.metadata: /);
assert.match(await message(rule([equals('name', 'Salary')], { a: 1 }, { effective_start_date: 'soon' })), /^effective_start_date: /);
assert.equal((await items.rules.list()).responses.length, 6);
