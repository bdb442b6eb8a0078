// The guide about writing deductions, as the published client library follows it on an automated connection.
import assert from 'node:assert/strict';
import Finch from '@tryfinch/finch-api';
import { application, client, connected, refused, unknownID } from './setting.mjs';

const credentials = application('PERCH');
const wrong = { as: Finch.BadRequestError, status: 400, name: 'invalid_request_error', code: 'invalid_request' };
const untaken = { as: Finch.UnprocessableEntityError, status: 422, name: 'unprocessable_request_error', code: 'unsupported_parameters' };
const missing = { as: Finch.NotFoundError, status: 404, name: 'not_found_error', code: 'benefit_not_found' };

async function connect(request) {
  const made = await client(credentials).sandbox.connections.create(request);
  const finch = client(credentials, made.access_token);
  await connected(finch);
  return finch;
}

async function over(finch, id) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const job = await finch.jobs.manual.retrieve(id);
    assert.ok(['pending', 'in_progress', 'complete', 'error'].includes(job.status), job.status);
    if (job.status === 'complete' || job.status === 'error') return job;
    assert.ok(Date.now() < deadline, 'a job takes more than a minute');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const finch = await connect({ provider_id: 'gusto', employee_size: 40 });
const people = [];
for await (const person of finch.hris.directory.list()) people.push(person.id);
const { responses } = await finch.hris.employments.retrieveMany({ requests: people.map((individual_id) => ({ individual_id })) });
const jobs = new Map(responses.map(({ individual_id, body }) => [individual_id, body]));
const employees = people.filter((id) => jobs.get(id).employment.type === 'employee' && jobs.get(id).is_active);
const contractor = people.find((id) => jobs.get(id).employment.type === 'contractor');
const leaver = people.find((id) => jobs.get(id).end_date && jobs.get(id).employment.type === 'employee');

await before();
const benefit = await created();
await enrolled(benefit);
await unenrolled(benefit);
await updated(benefit);
await paid();
await refusals(benefit);
await matrix();

// What the employer has already can be read, and enrolments say what people elected.
async function before() {
  const list = await collect(finch.hris.benefits.list());
  assert.ok(list.some(({ type }) => type === '401k') && list.some(({ type }) => type === 's125_medical'), 'employers have plans');
  const plan = list.find(({ type }) => type === '401k');
  assert.deepEqual(await finch.hris.benefits.retrieve(plan.benefit_id), plan);
  assert.deepEqual(plan.company_contribution, { type: 'match', tiers: [{ match: 5000, threshold: 600 }] });
  const { benefit_id, individual_ids } = await finch.hris.benefits.individuals.enrolledIDs(plan.benefit_id);
  assert.equal(benefit_id, plan.benefit_id);
  assert.ok(individual_ids.length > 5 && individual_ids.every((id) => people.includes(id)));
  const everybody = await collect(finch.hris.benefits.individuals.retrieveManyBenefits(plan.benefit_id));
  assert.deepEqual(everybody.map((entry) => entry.individual_id), individual_ids);
  for (const { code, body } of everybody) {
    assert.equal(code, 200);
    assert.equal(body.employee_deduction.type, 'percent');
    assert.equal(body.company_contribution.type, 'tiered');
  }
  const features = await collect(finch.hris.benefits.listSupportedBenefits());
  assert.deepEqual(features.find(({ type }) => type === '401k').employee_deduction, ['fixed', 'percent']);
}

async function created() {
  const request = { type: '401k_roth', frequency: 'every_paycheck', description: 'Acme Roth' };
  const made = await finch.hris.benefits.create(request);
  const enrolment = { individual_id: employees[0], configuration: { employee_deduction: { type: 'fixed', amount: 10_000 } } };
  const early = await finch.hris.benefits.individuals.enrollMany(made.benefit_id, { individuals: [enrolment] });
  assert.deepEqual((await over(finch, made.job_id)).body.map(({ code }) => code), [201]);
  assert.deepEqual((await over(finch, early.job_id)).body.map(({ code }) => code), [201], 'the id was usable before the job was over');
  const again = await finch.hris.benefits.create(request);
  assert.equal(again.benefit_id, made.benefit_id, 'the same request makes no second one');
  assert.notEqual(again.job_id, made.job_id);
  await over(finch, again.job_id);
  const found = (await collect(finch.hris.benefits.list())).filter(({ description }) => description === 'Acme Roth');
  assert.deepEqual(found, [{ benefit_id: made.benefit_id, ...request }]);
  const other = await finch.hris.benefits.create({ ...request, description: 'Another Roth' });
  assert.notEqual(other.benefit_id, made.benefit_id);
  await over(finch, other.job_id);
  return made.benefit_id;
}

async function enrolled(id) {
  const percent = { employee_deduction: { type: 'percent', amount: 650 }, company_contribution: { type: 'tiered', tiers: [{ match: 10_000, threshold: 300 }, { match: 5_000, threshold: 500 }] }, catch_up: true, annual_maximum: 2_350_000 };
  const individuals = [employees[0], employees[1], contractor, leaver, unknownID, 'nobody'].map((individual_id) => ({ individual_id, configuration: percent }));
  const { job_id } = await finch.hris.benefits.individuals.enrollMany(id, { individuals });
  const job = await over(finch, job_id);
  assert.equal(job.status, 'complete', 'partial success is a success');
  assert.deepEqual(job.body.map((line) => [line.individual_id, line.code]),
    individuals.map(({ individual_id }, i) => [individual_id, [200, 201, 422, 422, 404, 404][i]]));
  assert.equal(job.body[0].message, 'Successfully updated enrollment for individual');
  assert.equal(job.body[1].message, 'Successfully enrolled individual in benefit');
  assert.equal(job.body[2].finch_code, 'invalid_employee_enrollment');
  assert.equal(job.body[4].message, 'Individual not found');
  // An enrolment is overwritten whole, and the next read shows it without a sync.
  const asked = [employees[1], employees[2], unknownID, employees[0]];
  const entries = await collect(finch.hris.benefits.individuals.retrieveManyBenefits(id, { individual_ids: asked.join(',') }));
  assert.deepEqual(entries.map(({ individual_id, code }) => [individual_id, code]), [[asked[0], 200], [asked[1], 404], [asked[2], 404], [asked[3], 200]]);
  assert.deepEqual(entries[0].body, entries[3].body);
  assert.deepEqual(entries[0].body, percent);
  assert.equal(entries[1].body.finch_code, 'enrollment_not_found');
  assert.equal(entries[2].body.finch_code, 'individual_not_found');
  const { individual_ids } = await finch.hris.benefits.individuals.enrolledIDs(id);
  assert.deepEqual(individual_ids.sort(), [employees[0], employees[1]].sort());
  const less = { individual_id: employees[1], configuration: { employee_deduction: { type: 'fixed', amount: 5_000 } } };
  await over(finch, (await finch.hris.benefits.individuals.enrollMany(id, { individuals: [less] })).job_id);
  const [entry] = await collect(finch.hris.benefits.individuals.retrieveManyBenefits(id, { individual_ids: employees[1] }));
  assert.deepEqual(entry.body, { employee_deduction: { type: 'fixed', amount: 5_000 }, company_contribution: null, annual_maximum: null, catch_up: null });
}

async function unenrolled(id) {
  const { job_id } = await finch.hris.benefits.individuals.unenrollMany(id, { individual_ids: [employees[1], employees[2], unknownID] });
  const job = await over(finch, job_id);
  assert.deepEqual(job.body.map(({ code }) => code), [200, 404, 404]);
  assert.deepEqual((await finch.hris.benefits.individuals.enrolledIDs(id)).individual_ids, [employees[0]]);
}

async function updated(id) {
  const { benefit_id, job_id } = await finch.hris.benefits.update(id, { description: 'Acme Roth 2' });
  assert.equal(benefit_id, id);
  assert.equal((await over(finch, job_id)).status, 'complete');
  assert.equal((await finch.hris.benefits.retrieve(id)).description, 'Acme Roth 2');
  const request = { type: '401k_roth', frequency: 'every_paycheck' };
  const same = await finch.hris.benefits.create({ ...request, description: 'Acme Roth 2' });
  assert.equal(same.benefit_id, id);
  const old = await finch.hris.benefits.create({ ...request, description: 'Acme Roth' });
  assert.notEqual(old.benefit_id, id, 'the old description is free again');
  await over(finch, old.job_id);
}

// An enrolment shows on the next payment: 6.5 % of gross pay, the match all of the first 3 % and half of
// the next 2 %. People without one have no deductions, and lines that are given are taken as they are.
async function paid() {
  const pay = { individual_id: employees[0], gross_pay: 500_000 };
  const { payment_id } = await finch.sandbox.payment.create({ pay_statements: [pay, { ...pay, individual_id: employees[1] }] });
  const given = await finch.sandbox.payment.create({ pay_statements: [{ ...pay, employee_deductions: [], employer_contributions: [] }] });
  const { job_id } = await finch.sandbox.jobs.create({ type: 'data_sync_all' });
  while (!(await finch.jobs.automated.retrieve(job_id)).completed_at) await new Promise((resolve) => setTimeout(resolve, 20));
  const requests = [{ payment_id }, { payment_id: given.payment_id }];
  const { responses } = await finch.hris.payStatements.retrieveMany({ requests });
  const [[first, second], [third]] = responses.map(({ body }) => body.pay_statements);
  assert.deepEqual(first.employee_deductions, [{ name: 'Acme Roth 2', amount: 32_500, currency: 'usd', pre_tax: false, type: '401k_roth' }]);
  assert.deepEqual(first.employer_contributions, [{ name: 'Acme Roth 2', amount: 20_000, currency: 'usd', type: '401k_roth' }]);
  assert.equal(first.net_pay.amount, 467_500);
  for (const { employee_deductions, employer_contributions } of [second, third]) {
    assert.deepEqual([employee_deductions, employer_contributions], [[], []]);
  }
}

// Wrong requests change nothing and name the field.
async function refusals(id) {
  const before = await collect(finch.hris.benefits.individuals.retrieveManyBenefits(id));
  const names = async (call, how, field) => {
    const failure = await refused(call, how);
    assert.ok(failure.error.message.startsWith(field), `${failure.error.message} does not name ${field}`);
  };
  const enrol = (configuration) => finch.hris.benefits.individuals.enrollMany(id, {
    individuals: [{ individual_id: employees[5], configuration: {} }, { individual_id: employees[6], configuration }],
  });
  const field = '[1].configuration';
  await names(enrol({ employee_deduction: { type: 'percent', amount: 10_001 } }), wrong, `${field}.employee_deduction.amount`);
  await names(enrol({ employee_deduction: { type: 'fixed', amount: -1 } }), wrong, `${field}.employee_deduction.amount`);
  await names(enrol({ employee_deduction: { type: 'fixed', amount: 1e15 } }), wrong, `${field}.employee_deduction.amount`);
  await names(enrol({ employee_deduction: { type: 'fixed' } }), wrong, `${field}.employee_deduction.amount`);
  await names(enrol({ employee_deduction: { type: 'tiered', tiers: [] } }), wrong, `${field}.employee_deduction.type`);
  const tiers = [{ match: 10_000, threshold: 500 }, { match: 5_000, threshold: 300 }];
  await names(enrol({ company_contribution: { type: 'tiered', tiers } }), wrong, `${field}.company_contribution.tiers[1].threshold`);
  await names(enrol({ effective_date: 'soon' }), wrong, `${field}.effective_date`);
  await names(enrol({ annual_contribution_limit: 'family' }), untaken, `${field}.annual_contribution_limit`);
  await names(finch.hris.benefits.individuals.enrollMany(id, { individuals: [] }), wrong, 'body');
  await names(finch.hris.benefits.individuals.unenrollMany(id, { individual_ids: [] }), wrong, 'individual_ids');
  await names(finch.hris.benefits.create({ type: '401k_loan', frequency: 'every_paycheck', description: 'Loan' }), untaken, 'type');
  await names(finch.hris.benefits.create({ type: '401k', frequency: 'one_time', description: 'Once' }), untaken, 'frequency');
  await names(finch.hris.benefits.create({ frequency: 'one_time' }), wrong, 'type');
  await refused(finch.hris.benefits.register({ type: '401k', description: 'There already', frequency: 'every_paycheck' }), untaken);
  await refused(finch.hris.benefits.retrieve(unknownID), missing);
  await refused(finch.hris.benefits.individuals.enrolledIDs(unknownID), missing);
  await refused(finch.hris.benefits.individuals.enrollMany(unknownID, { individuals: [{ individual_id: employees[0], configuration: {} }] }), missing);
  await refused(finch.jobs.manual.retrieve(unknownID), { ...missing, code: 'item_not_found' });
  assert.deepEqual(await collect(finch.hris.benefits.individuals.retrieveManyBenefits(id)), before, 'nothing was written');
}

// What a provider does not do is refused before anything is sent, and says what it does.
async function matrix() {
  const trinet = await connect({ provider_id: 'trinet', employee_size: 10 });
  const there = await collect(trinet.hris.benefits.list());
  assert.deepEqual(there.map(({ type }) => type), ['401k', '401k_roth'], 'only what can be used is listed');
  await refused(trinet.hris.benefits.create({ type: '401k', description: 'Mine', frequency: 'every_paycheck' }), untaken);
  await refused(trinet.hris.benefits.create({ type: 'custom_pre_tax', description: 'Mine', frequency: 'every_paycheck' }), untaken);
  await refused(trinet.hris.benefits.update(there[0].benefit_id, { description: 'Mine' }), untaken);
  const { data } = await trinet.hris.directory.list().then((page) => ({ data: page.individuals }));
  const individuals = [{ individual_id: data[0].id, configuration: { employee_deduction: { type: 'percent', amount: 500 } } }];
  const { job_id } = await trinet.hris.benefits.individuals.enrollMany(there[0].benefit_id, { individuals });
  assert.ok([200, 201].includes((await over(trinet, job_id)).body[0].code));

  const justworks = await connect({ provider_id: 'justworks', employee_size: 5 });
  const failure = await refused(justworks.hris.benefits.create({ type: '401k', description: 'A description of 31 characters!', frequency: 'every_paycheck' }), untaken);
  assert.ok(failure.error.message.startsWith('description'), failure.error.message);
  await justworks.hris.benefits.create({ type: '401k', description: 'A description of 30 characters', frequency: 'every_paycheck' });

  const none = await connect({ provider_id: 'bob', products: ['directory', 'benefits'], employee_size: 3 });
  await refused(none.hris.benefits.list(), { as: Finch.InternalServerError, status: 501, name: 'not_implemented_error' });
}

async function collect(iterable) {
  const list = [];
  for await (const one of iterable) list.push(one);
  return list;
}
