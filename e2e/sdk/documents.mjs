// Documents, as the published client library reads them: a job fetches a person's W-4, the list and the
// document show it.
import assert from 'node:assert/strict';
import Finch from '@tryfinch/finch-api';
import { application, client, connected, refused, unknownID } from './setting.mjs';

const fields = {
  w4_2020: [
    'amount_for_other_dependents', 'amount_for_qualifying_children_under_17', 'deductions', 'extra_withholding',
    'filing_status', 'individual_id', 'other_income', 'total_claim_dependent_and_other_credits',
  ],
  w4_2005: ['additional_withholding', 'exemption', 'filing_status', 'individual_id', 'total_number_of_allowances'],
};

const credentials = application('PERCH');
const made = await client(credentials).sandbox.connections.create({ provider_id: 'adp_run', employee_size: 40 });
assert.ok(made.products.includes('documents'), 'this provider has documents');
const finch = client(credentials, made.access_token);
await connected(finch);

await before(finch);
const everyone = [];
for await (const person of finch.hris.directory.list()) everyone.push(person.id);
await fetchAll(everyone);
const { documents, paging } = await finch.hris.documents.list();
assert.deepEqual(paging, { count: documents.length, offset: 0 });
await employeesOnly(documents);
for (const entry of documents) await readable(entry);
await filtered(documents);
await repeated(documents);
await missing();

async function before() {
  for (const call of [() => finch.hris.documents.list(), () => finch.hris.documents.retreive(unknownID)]) {
    const failure = await refused(call(), { as: Finch.BadRequestError, status: 400, name: 'bad_request', code: 'w4_sync_required' });
    assert.equal(failure.error.message, 'W4 documents are not available. Please trigger a W4 sync job first.');
    assert.deepEqual(Object.keys(failure.error.context), ['docs_url']);
    const page = await fetch(failure.error.context.docs_url);
    assert.ok((await page.text()).includes('w4_form_employee_sync'), 'the page that the error leads to names the job');
  }
}

async function fetchAll(individuals) {
  const jobs = [];
  for (const individual_id of individuals) {
    jobs.push(await finch.jobs.automated.create({ type: 'w4_form_employee_sync', params: { individual_id } }));
  }
  for (const [i, { job_id, job_url }] of jobs.entries()) {
    assert.ok(job_url.endsWith(`/jobs/automated/${job_id}`));
    const job = await over(job_id);
    assert.equal(job.status, 'complete');
    assert.equal(job.type, 'w4_form_employee_sync');
    assert.deepEqual(job.params, { individual_id: individuals[i] });
  }
}

async function over(id) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const job = await finch.jobs.automated.retrieve(id);
    if (job.completed_at) return job;
    assert.ok(Date.now() < deadline, 'a job takes more than a minute');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// employeesOnly: contractors hand in no W-4, nor do people who are still to start. Leavers did.
async function employeesOnly(list) {
  const requests = everyone.map((individual_id) => ({ individual_id }));
  const { responses } = await finch.hris.employments.retrieveMany({ requests });
  const today = new Date().toISOString().slice(0, 10);
  const employees = responses.filter(({ body }) => body.employment.type === 'employee' && body.start_date <= today);
  assert.ok(employees.length < everyone.length && employees.some(({ body }) => body.end_date), 'leavers and others are among them');
  assert.deepEqual(list.map((entry) => entry.individual_id).sort(), employees.map((entry) => entry.individual_id).sort());
}

async function readable({ id, individual_id, url, year, type }) {
  assert.ok(url.startsWith(process.env.PERCH_URL) && url.endsWith(`/employer/documents/${id}`), url);
  const document = await finch.hris.documents.retreive(id);
  assert.deepEqual({ type: document.type, year: document.year }, { type, year });
  assert.deepEqual(Object.keys(document.data).sort(), fields[type]);
  assert.equal(document.data.individual_id, individual_id);
  assert.equal(type === 'w4_2005', year < 2020);
  const { data } = document;
  if (type === 'w4_2020') {
    const sum = data.amount_for_qualifying_children_under_17 + data.amount_for_other_dependents;
    assert.equal(data.total_claim_dependent_and_other_credits, sum);
  }
}

async function filtered(all) {
  const page = await finch.hris.documents.list({ limit: 2, offset: 1 });
  assert.deepEqual(page, { paging: { count: all.length, offset: 1 }, documents: all.slice(1, 3) });
  const individual_ids = [all[4].individual_id, all[2].individual_id];
  const two = await finch.hris.documents.list({ individual_ids });
  assert.deepEqual(two, { paging: { count: 2, offset: 0 }, documents: [all[2], all[4]] });
  for (const type of Object.keys(fields)) {
    const some = await finch.hris.documents.list({ types: [type] });
    assert.deepEqual(some.documents, all.filter((entry) => entry.type === type));
  }
  const nobody = await finch.hris.documents.list({ individual_ids: [unknownID] });
  assert.deepEqual(nobody, { paging: { count: 0, offset: 0 }, documents: [] });
}

async function repeated(all) {
  await fetchAll(all.slice(0, 3).map((entry) => entry.individual_id));
  assert.deepEqual((await finch.hris.documents.list()).documents, all);
}

async function missing() {
  await refused(finch.hris.documents.retreive(unknownID), { as: Finch.NotFoundError, status: 404, name: 'not_found_error', code: 'item_not_found' });
  const job = { type: 'w4_form_employee_sync', params: { individual_id: unknownID } };
  await refused(finch.jobs.automated.create(job), { as: Finch.NotFoundError, status: 404, name: 'not_found_error', code: 'individual_not_found' });
  const other = await client(credentials).sandbox.connections.create({ provider_id: 'gusto', products: ['directory', 'documents'], employee_size: 3 });
  const without = client(credentials, other.access_token);
  await connected(without);
  await refused(without.hris.documents.list(), { as: Finch.InternalServerError, status: 501, name: 'not_implemented_error' });
}
