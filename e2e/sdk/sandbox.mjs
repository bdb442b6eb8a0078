// Walks through the published page about the sandbox, line by line, with the published client library.
// Each step quotes what it stands for.
import assert from 'node:assert/strict';
import Finch from '@tryfinch/finch-api';
import { application, client, connected, refused, step, unknownID } from './setting.mjs';

const main = application('PERCH');
const all = { start_date: '2000-01-01', end_date: '2199-12-31' };

const badRequest = { as: Finch.BadRequestError, status: 400, name: 'invalid_request_error', code: 'invalid_request' };

async function everyone(finch) {
  const people = [];
  for await (const person of finch.hris.directory.list({ limit: 1000 })) people.push(person);
  return people;
}

async function one(list, id, options) {
  const [entry] = (await list.retrieveMany({ requests: [{ individual_id: id }], options })).responses;
  assert.equal(entry.code, 200);
  return entry.body;
}
const individual = (finch, id, options) => one(finch.hris.individuals, id, options);
const employment = (finch, id) => one(finch.hris.employments, id);
const payments = async (finch) => (await finch.hris.payments.list(all)).items;

async function statements(finch, payment_id) {
  const [entry] = (await finch.hris.payStatements.retrieveMany({ requests: [{ payment_id, limit: 5000 }] })).responses;
  assert.equal(entry.code, 200);
  return entry.body.pay_statements;
}

// sync runs a refresh data sync to its end and returns the job.
async function sync(finch) {
  const started = await finch.sandbox.jobs.create({ type: 'data_sync_all' });
  assert.ok(started.job_url.endsWith(`/jobs/automated/${started.job_id}`));
  const deadline = Date.now() + 60_000;
  for (;;) {
    const job = await finch.jobs.automated.retrieve(started.job_id);
    if (!['pending', 'in_progress'].includes(job.status)) return { ...job, ...started };
    assert.ok(Date.now() < deadline, 'the job takes more than a minute');
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

// accepted is the finch_code of a 202.
async function accepted(call) {
  const response = await call.asResponse();
  assert.equal(response.status, 202);
  return (await response.json()).finch_code;
}

await step('"You cannot use production credentials to create sandbox connections."', async () => {
  await refused(client(application('PERCH_REAL')).sandbox.connections.create({ provider_id: 'gusto' }), badRequest);
});

const before = new Date();
const connection = await step('"Use the sandbox endpoint Create a New Sandbox Connection."', () =>
  client(main).sandbox.connections.create({ provider_id: 'paycor' }),
);
const finch = client(main, connection.access_token);
await connected(finch);

const people = await step('"We will populate 20 employees with corresponding employment and individual data"', async () => {
  const list = await everyone(finch);
  assert.equal(list.length, 20);
  for (const { id } of list) {
    assert.equal((await individual(finch, id)).id, id);
    assert.equal((await employment(finch, id)).id, id);
  }
  return list;
});

const newest = await step('"one company payment whose pay date is the current date", "one pay statement for each full-time employee"', async () => {
  const civil = (time) => new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
  const today = (await payments(finch)).filter(({ pay_date }) => pay_date === civil(before) || pay_date === civil(new Date()));
  assert.equal(today.length, 1);
  const paid = (await statements(finch, today[0].id)).map(({ individual_id }) => individual_id).sort();
  const jobs = await Promise.all(people.map(({ id }) => employment(finch, id)));
  const fullTime = jobs.filter((job) => job.employment.subtype === 'full_time' && job.employment_status === 'active').map(({ id }) => id).sort();
  assert.deepEqual(paid, fullTime);
  return today[0];
});

await step('"will modify the connection status of an existing account"', async () => {
  const accounts = finch.sandbox.connections.accounts;
  const unchanged = await accounts.update();
  assert.deepEqual(unchanged, {
    connection_id: connection.connection_id, entity_id: connection.entity_id, company_id: connection.company_id, account_id: connection.account_id,
    provider_id: 'paycor', authentication_type: connection.authentication_type, products: connection.products,
  });
  const read = () => finch.hris.company.retrieve();
  for (const [status, want] of [
    ['reauth', { as: Finch.AuthenticationError, status: 401, name: 'authentication_error', code: 'reauthenticate_user' }],
    ['error_reauth', { as: Finch.AuthenticationError, status: 401, name: 'authentication_error', code: 'reauthenticate_user' }],
    ['error_no_account_setup', { as: Finch.AuthenticationError, status: 401, name: 'authentication_error', code: 'account_setup_required' }],
    ['error_permissions', { as: Finch.PermissionDeniedError, status: 403, name: 'error_permissions', code: 'insufficient_account_permissions' }],
  ]) {
    assert.deepEqual(await accounts.update({ connection_status: status }), unchanged);
    await refused(read(), want);
    assert.equal((await finch.account.introspect()).connection_status.status, status === 'error_reauth' ? 'reauth' : status);
    await accounts.update({ connection_status: 'connected' });
    assert.equal((await read()).id, connection.company_id);
  }
  for (const [status, code] of [['pending', 'pending'], ['processing', 'data_sync_in_progress']]) {
    await accounts.update({ connection_status: status });
    assert.equal(await accepted(finch.hris.company.retrieve()), code);
    assert.equal((await finch.account.introspect()).connection_status.status, status);
  }
  await accounts.update({ connection_status: 'connected' });
  await read();
  await refused(accounts.update({ connection_status: 'disconnected' }), badRequest);
});

await step('"PUT /sandbox/company to modify company data", "a sync is required"', async () => {
  const old = await finch.hris.company.retrieve();
  const { id, ...body } = old;
  const answer = await finch.sandbox.company.update({ ...body, legal_name: 'Otto & Sons, Inc.', primary_email: null, departments: [{ name: 'Forge', parent: null }] });
  assert.equal(answer.legal_name, 'Otto & Sons, Inc.');
  assert.deepEqual(await finch.hris.company.retrieve(), old, 'nothing shows before a sync');
  assert.equal((await sync(finch)).status, 'complete');
  assert.deepEqual(await finch.hris.company.retrieve(), {
    ...old, legal_name: 'Otto & Sons, Inc.', primary_email: null, departments: [{ name: 'Forge', parent: null }],
  });
});

const hired = await step('"POST /sandbox/directory to add new individuals to a company"', async () => {
  const boss = people[0].id;
  const wanted = {
    first_name: 'Ada', last_name: 'Byron', ssn: '900-12-3456', dob: '1990-04-12', emails: [{ data: 'ada@work.example', type: 'work' }],
    residence: { line1: '1 Elm St', line2: null, city: 'Salem', state: 'MA', postal_code: '01970', country: 'US' },
    title: 'Analyst', manager: { id: boss }, department: { name: 'Forge' }, employment: { type: 'employee', subtype: 'full_time' },
    start_date: '2024-03-04', is_active: true, employment_status: 'active',
    income: { unit: 'yearly', amount: 7_800_000, currency: 'usd', effective_date: '2024-03-04' },
  };
  const [made, empty] = await finch.sandbox.directory.create({ body: [wanted, {}] });
  assert.deepEqual(await finch.sandbox.directory.create(), []);
  assert.deepEqual([made.first_name, made.title, made.dob, made.manager], ['Ada', 'Analyst', '1990-04-12', { id: boss }]);
  assert.equal('ssn' in made, false, 'the number is not sent back');
  assert.equal(empty.first_name, null);
  assert.equal((await everyone(finch)).length, 20, 'nothing shows before a sync');
  await sync(finch);
  const list = await everyone(finch);
  assert.equal(list.length, 22);
  assert.deepEqual(list.slice(0, 20).map(({ id }) => id), people.map(({ id }) => id));
  assert.deepEqual(list[20], { id: made.id, first_name: 'Ada', middle_name: null, last_name: 'Byron', manager: { id: boss }, department: { name: 'Forge' }, is_active: true });
  const person = await individual(finch, made.id, { include: ['ssn'] });
  assert.equal(person.ssn, '900123456');
  assert.equal(person.dob, '1990-04-12');
  assert.deepEqual(person.emails, wanted.emails);
  assert.deepEqual(person.residence, wanted.residence);
  const job = await employment(finch, made.id);
  for (const field of ['title', 'employment', 'start_date', 'employment_status', 'income']) assert.deepEqual(job[field], wanted[field], field);
  return made.id;
});

await step('"PUT /sandbox/employment/{individual_id} to modify employment information for a specific individual"', async () => {
  const old = await employment(finch, people[3].id);
  const rest = await individual(finch, people[3].id, { include: ['ssn'] });
  // The date is written as the contract's own example has it.
  const answer = await finch.sandbox.employment.update(people[3].id, { start_date: '3/4/2020', title: null, income: { unit: 'hourly', amount: 4250, currency: 'usd', effective_date: '2024-01-01' } });
  assert.equal(answer.start_date, '2020-03-04');
  assert.deepEqual(await employment(finch, people[3].id), old);
  await finch.sandbox.employment.update(people[3].id, { department: { name: 'Forge' }, manager: null });
  await sync(finch);
  assert.deepEqual(await employment(finch, people[3].id), {
    ...old, start_date: '2020-03-04', title: null, department: { name: 'Forge' }, manager: null,
    income: { unit: 'hourly', amount: 4250, currency: 'usd', effective_date: '2024-01-01' },
  }, 'an edit changes what it names and nothing else, and the next one adds to it');
  assert.deepEqual(await individual(finch, people[3].id, { include: ['ssn'] }), rest);
});

await step('"PUT /sandbox/individual/{individual_id} to modify individual information for a specific individual"', async () => {
  const old = await individual(finch, people[4].id);
  await finch.sandbox.individual.update(people[4].id, { dob: '1980-02-29', phone_numbers: [], last_name: 'Roe' });
  await sync(finch);
  assert.deepEqual(await individual(finch, people[4].id), { ...old, dob: '1980-02-29', phone_numbers: [], last_name: 'Roe' });
  assert.equal((await everyone(finch))[4].last_name, 'Roe', 'a person has one name');
});

await step('"mock data that mirrors the field and functionality support of production integrations"', async () => {
  const made = await client(main).sandbox.connections.create({ provider_id: 'gusto' }); // supplies no social security numbers
  const other = client(main, made.access_token);
  await connected(other);
  const supported = (await other.providers.list()).items.find(({ id }) => id === 'gusto').authentication_methods.find(({ type }) => type === made.authentication_type).supported_fields;
  assert.equal(supported.individual.ethnicity, false);
  const [person] = await everyone(other);
  const answer = await other.sandbox.individual.update(person.id, { ethnicity: 'asian', dob: '1981-01-01' });
  assert.equal(answer.ethnicity, null);
  await sync(other);
  const read = await individual(other, person.id);
  assert.deepEqual([read.ethnicity, read.dob], [null, '1981-01-01']);
});

await step('"POST /sandbox/payment to add a new payment for a company"', async () => {
  const known = await payments(finch);
  const { payment_id, pay_date } = await finch.sandbox.payment.create({
    start_date: '2026-01-05', end_date: '2026-01-16',
    pay_statements: [
      {
        individual_id: hired, total_hours: 80, gross_pay: 300_000,
        earnings: [{ type: 'salary', name: 'Salary', amount: 300_000, hours: 80 }],
        taxes: [{ type: 'federal', name: 'Federal Income Tax', amount: 42_000, employer: false }, { type: 'fica', name: 'Medicare (Employer)', amount: 4_350, employer: true }],
        employee_deductions: [{ type: '401k', name: '401(k)', amount: 15_000, pre_tax: true }],
        employer_contributions: [{ type: '401k', name: '401(k) Match', amount: 7_500 }],
      },
      { individual_id: people[0].id, type: 'off_cycle_payroll', payment_method: 'check', gross_pay: 1_000, net_pay: 900 },
    ],
  });
  assert.equal(pay_date, '2026-01-16', 'The default pay_date is the end_date');
  assert.deepEqual(await payments(finch), known, 'nothing shows before a sync');
  await sync(finch);
  const list = await payments(finch);
  assert.equal(list.length, known.length + 1);
  const added = list.find(({ id }) => id === payment_id);
  const usd = (amount) => ({ amount, currency: 'usd' });
  assert.deepEqual(added, {
    id: payment_id, pay_period: { start_date: '2026-01-05', end_date: '2026-01-16' }, pay_date: '2026-01-16',
    debit_date: null, company_debit: null, // this provider supplies neither
    gross_pay: usd(301_000), net_pay: usd(243_900), employee_taxes: usd(42_000), employer_taxes: usd(4_350),
    individual_ids: [hired, people[0].id], pay_group_ids: null, pay_frequencies: null,
  });
  const [first, second] = await statements(finch, payment_id);
  assert.deepEqual(first, {
    individual_id: hired, type: 'regular_payroll', payment_method: null, total_hours: 80, gross_pay: usd(300_000), net_pay: usd(243_000),
    earnings: [{ type: 'salary', name: 'Salary', amount: 300_000, currency: 'usd', hours: 80 }],
    taxes: [
      { type: 'federal', name: 'Federal Income Tax', employer: false, amount: 42_000, currency: 'usd' },
      { type: 'fica', name: 'Medicare (Employer)', employer: true, amount: 4_350, currency: 'usd' },
    ],
    employee_deductions: [{ name: '401(k)', amount: 15_000, currency: 'usd', pre_tax: true, type: '401k' }],
    employer_contributions: [{ name: '401(k) Match', amount: 7_500, currency: 'usd', type: '401k' }],
  });
  assert.deepEqual(second, {
    individual_id: people[0].id, type: 'off_cycle_payroll', payment_method: null, total_hours: null, gross_pay: usd(1_000), net_pay: usd(900),
    earnings: [], taxes: [], employee_deductions: [], employer_contributions: [],
  }, 'By default, no taxes, earnings or deductions are created');
});

await step('"All fields are optional"', async () => {
  const { payment_id, pay_date } = await finch.sandbox.payment.create();
  await sync(finch);
  const added = (await payments(finch)).find(({ id }) => id === payment_id);
  // The payment before ended on Friday, 16 January 2026; the 19th is a holiday.
  assert.deepEqual(added.pay_period, { start_date: '2026-01-20', end_date: '2026-02-09' });
  assert.deepEqual([pay_date, added.pay_date], ['2026-02-09', '2026-02-09']);
  const lines = await statements(finch, payment_id);
  assert.equal(lines.length, (await statements(finch, newest.id)).length + 1, 'one for each active full-time employee, with the one who was added');
  for (const line of lines) {
    assert.deepEqual([line.earnings, line.taxes, line.employee_deductions, line.employer_contributions], [[], [], [], []]);
    assert.deepEqual(line.net_pay, line.gross_pay);
  }
  const ada = lines.find(({ individual_id }) => individual_id === hired);
  assert.equal(ada.gross_pay.amount, 450_000, '15 of 260 working days of a yearly income of 78,000.00');
  assert.equal(added.gross_pay.amount, lines.reduce((sum, { gross_pay }) => sum + gross_pay.amount, 0));
});

await step('"the default debit_date is one business day after the pay_date"', async () => {
  const made = await client(main).sandbox.connections.create({ provider_id: 'justworks', authentication_type: 'oauth' });
  const other = client(main, made.access_token);
  await connected(other);
  const [person] = await everyone(other);
  const taxes = [{ type: 'state', name: 'State', amount: 700 }, { type: 'fica', name: 'FICA', amount: 500, employer: true }];
  const { payment_id } = await other.sandbox.payment.create({
    start_date: '2026-01-05', end_date: '2026-01-16', pay_statements: [{ individual_id: person.id, gross_pay: 10_000, taxes }],
  });
  await sync(other);
  const added = (await payments(other)).find(({ id }) => id === payment_id);
  assert.equal(added.debit_date, '2026-01-20', 'the Monday between is the birthday of Martin Luther King');
  assert.deepEqual([added.net_pay.amount, added.company_debit.amount], [9_300, 10_500]);
});

const tried = await client(main).sandbox.connections.create({ provider_id: 'paycor' });
const trial = client(main, tried.access_token);
await connected(trial);

await step('"modify the completion_status of jobs", "each job you run will end in that state until you call PUT"', async () => {
  const jobs = trial.sandbox.jobs;
  const [person] = await everyone(trial);
  assert.deepEqual(await jobs.configuration.retrieve(), [{ type: 'data_sync_all', completion_status: 'complete' }]);
  await trial.sandbox.individual.update(person.id, { dob: '1979-09-09' });
  for (const [completion_status, status] of [['error', 'connected'], ['error', 'connected'], ['reauth_error', 'reauth'], ['permissions_error', 'error_permissions']]) {
    const want = { type: 'data_sync_all', completion_status };
    assert.deepEqual(await jobs.configuration.update(want), want);
    assert.deepEqual(await jobs.configuration.retrieve(), [want]);
    assert.equal((await sync(trial)).status, completion_status);
    assert.equal((await trial.account.introspect()).connection_status.status, status);
    if (completion_status !== 'error') continue;
    const response = await trial.hris.company.retrieve().asResponse();
    assert.equal(response.headers.get('finch-last-attempted-update-result'), 'error');
    assert.notEqual((await individual(trial, person.id)).dob, '1979-09-09', 'the last data stays');
  }
  await refused(trial.hris.company.retrieve(), { as: Finch.PermissionDeniedError, status: 403, name: 'error_permissions', code: 'insufficient_account_permissions' });
  assert.equal((await sync(trial)).status, 'permissions_error', 'job completion configurations are persistent');
  await refused(jobs.configuration.update({ type: 'data_sync_all', completion_status: 'pending' }), badRequest);
  await jobs.configuration.update({ type: 'data_sync_all', completion_status: 'complete' });
  assert.equal((await sync(trial)).status, 'complete');
  assert.equal((await individual(trial, person.id)).dob, '1979-09-09');
});

await step('"Sandbox connections allow for 10 refresh data syncs per hour"', async () => {
  for (let remaining = 3; remaining >= 0; remaining--) {
    const last = await sync(trial);
    assert.deepEqual([last.allowed_refreshes, last.remaining_refreshes], [10, remaining]);
  }
  const refusal = await trial.sandbox.jobs.create({ type: 'data_sync_all' }).catch((error) => error);
  assert.ok(refusal instanceof Finch.RateLimitError);
  assert.ok(Date.parse(refusal.error.retry_at) > Date.now());
});

await step('"choosing an assisted provider": "the connection will start out in a pending state"', async () => {
  const made = await client(main).sandbox.connections.create({ provider_id: 'isolved' });
  const assisted = client(main, made.access_token);
  assert.equal((await assisted.account.introspect()).connection_status.status, 'pending');
  assert.equal(await accepted(assisted.hris.company.retrieve()), 'pending');
  await assisted.sandbox.company.update({ legal_name: 'Early Edit LLC' });
  // "update the status to connected": "you will see data ... when calling any of the /employer endpoints"
  await assisted.sandbox.connections.accounts.update({ connection_status: 'connected' });
  assert.equal((await assisted.hris.company.retrieve()).legal_name, 'Early Edit LLC');
  const list = await everyone(assisted);
  assert.equal(list.length, 20);
  // "be sure to run a refresh data sync", "Assisted connections will return null for job_id and job_url"
  await assisted.sandbox.individual.update(list[2].id, { first_name: 'Zoe' });
  const job = await assisted.sandbox.jobs.create({ type: 'data_sync_all' });
  assert.deepEqual(job, { job_id: null, job_url: null, allowed_refreshes: 10, remaining_refreshes: 9 });
  assert.equal((await everyone(assisted))[2].first_name, 'Zoe', '"Simply call this endpoint, and then call the /employer API to see the updated data"');
  await assisted.sandbox.connections.accounts.update({ connection_status: 'processing' });
  assert.equal(await accepted(assisted.hris.company.retrieve()), 'accountant_setup_pending');
  // and back to the beginning
  await assisted.sandbox.connections.accounts.update({ connection_status: 'pending' });
  await assisted.sandbox.company.update({ legal_name: 'Set Up Again LLC' });
  await assisted.sandbox.connections.accounts.update({ connection_status: 'connected' });
  assert.equal((await assisted.hris.company.retrieve()).legal_name, 'Set Up Again LLC');
});

await step('"Create a new account for an existing connection (company/provider pair)"', async () => {
  const accounts = client(main).sandbox.connections.accounts;
  const pair = { company_id: connection.company_id, provider_id: 'paycor' };
  const second = await accounts.create(pair);
  assert.deepEqual([second.connection_id, second.company_id, second.account_id], [connection.connection_id, connection.company_id, second.entity_id]);
  assert.deepEqual([...second.products].sort(), ['company', 'directory', 'employment', 'individual']);
  assert.notEqual(second.entity_id, connection.entity_id);
  const other = client(main, second.access_token);
  await connected(other);
  assert.equal((await other.hris.company.retrieve()).id, connection.company_id);
  assert.equal((await everyone(other)).length, 20);
  const third = await accounts.create({ ...pair, authentication_type: 'assisted', products: ['company'] });
  assert.equal(third.authentication_type, 'assisted');
  const waiting = await client(main, third.access_token).account.introspect();
  assert.deepEqual([waiting.entities[0].status, waiting.authentication_methods[0].type], ['pending', 'assisted']);
  await finch.hris.company.retrieve();
  await refused(accounts.create(pair), { as: Finch.UnprocessableEntityError, status: 422, name: 'unprocessable_entity_error', code: 'account_limit_exceeded' });
  await refused(accounts.create({ ...pair, company_id: unknownID }), badRequest);
  await refused(accounts.create({ ...pair, provider_id: 'gusto' }), badRequest);
});

await step('people who do not exist', async () => {
  const want = { as: Finch.NotFoundError, status: 404, name: 'not_found_error', code: 'individual_not_found' };
  await refused(finch.sandbox.individual.update(unknownID, { dob: '1990-01-01' }), want);
  await refused(finch.sandbox.employment.update('nobody', { title: 'Ghost' }), want);
});
