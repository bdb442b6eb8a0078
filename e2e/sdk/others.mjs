// Providers differ in what they supply. Each of these is read once from end to end, so that what
// only some of them have, or lack, is held against the contract too.
import assert from 'node:assert/strict';
import { client, connected } from './setting.mjs';

const different = [
  { provider_id: 'gusto' }, // no social security numbers
  { provider_id: 'zenefits', authentication_type: 'api_token' }, // bank accounts, no pay groups
  { provider_id: 'adp_workforce_now' },
  { provider_id: 'bamboo_hr' }, // no payroll
  { provider_id: 'paylocity', employee_size: 150 }, // too large for a history
];

export async function providers(credentials) {
  for (const wanted of different) {
    const made = await client(credentials).sandbox.connections.create(wanted);
    const finch = client(credentials, made.access_token);
    await connected(finch);
    const people = await organization(finch, made);
    if (made.products.includes('payment')) await payroll(finch, wanted, people);
  }
}

async function organization(finch, made) {
  assert.equal((await finch.hris.company.retrieve()).id, made.company_id);
  const people = [];
  for await (const person of finch.hris.directory.list()) people.push(person.id);
  const requests = people.map((individual_id) => ({ individual_id }));
  const individuals = await finch.hris.individuals.retrieveMany({ requests, options: { include: ['ssn'] } });
  const allowed = made.products.includes('ssn');
  for (const { body } of individuals.responses) assert.equal('ssn' in body, allowed, 'the product decides who sees the number');
  const employments = await finch.hris.employments.retrieveMany({ requests });
  assert.ok(employments.responses.every((entry) => entry.code === 200));
  return people;
}

async function payroll(finch, wanted, people) {
  const payments = (await finch.hris.payments.list({ start_date: '2000-01-01', end_date: '2099-12-31' })).items;
  assert.equal(payments.length > 1, !(wanted.employee_size > 100), 'only small employers have a history');
  const last = payments.at(-1);
  const [entry] = (await finch.hris.payStatements.retrieveMany({ requests: [{ payment_id: last.id, limit: 5000 }] })).responses;
  assert.ok(entry.body.pay_statements.every((statement) => people.includes(statement.individual_id)));
  await finch.payroll.payGroups.list();
}
