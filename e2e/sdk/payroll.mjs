// Payments, pay statements, pay groups.
import assert from 'node:assert/strict';
import Finch from '@tryfinch/finch-api';
import { refused, unknownID } from './setting.mjs';

const wrong = { as: Finch.BadRequestError, status: 400, name: 'invalid_request_error', code: 'invalid_request' };
const everything = { start_date: '2000-01-01', end_date: '2099-12-31' };

export async function payments(finch, connection, people) {
  const list = [];
  for await (const payment of finch.hris.payments.list(everything)) list.push(payment);
  assert.ok(list.length > 10, 'a small employer has a history');
  const ids = new Set(people.map((person) => person.id));
  for (const [i, payment] of list.entries()) {
    assert.ok(i === 0 || list[i - 1].pay_date <= payment.pay_date, 'payments come by date');
    assert.ok(payment.individual_ids.every((id) => ids.has(id)), 'who was paid is in the directory');
    assert.ok(payment.net_pay.amount <= payment.gross_pay.amount);
  }
  const { pay_date } = list[3];
  const oneDay = await finch.hris.payments.list({ start_date: pay_date, end_date: pay_date, entity_ids: [connection.entity_id] });
  assert.deepEqual(oneDay.items, list.filter((payment) => payment.pay_date === pay_date), 'both days are inclusive');
  const none = await finch.hris.payments.list({ start_date: '1990-01-01', end_date: '1990-12-31' });
  assert.deepEqual(none.items, []);
  await refused(finch.hris.payments.list({ start_date: '2024-02-30', end_date: '2024-12-31' }), wrong);
  await refused(finch.hris.payments.list({ start_date: '2024-12-31', end_date: '2024-01-01' }), wrong);
  await refused(finch.hris.payments.list({ start_date: '2024-12-31' }), wrong);
  return list;
}

const cents = (list) => list.reduce((sum, entry) => sum + entry.amount, 0);

// sums compares the totals of a payment with its statements, to the cent.
function sums(payment, statements) {
  const taxes = statements.flatMap((statement) => statement.taxes ?? []);
  assert.equal(cents(statements.map((statement) => statement.gross_pay)), payment.gross_pay.amount, 'gross pay');
  assert.equal(cents(statements.map((statement) => statement.net_pay)), payment.net_pay.amount, 'net pay');
  assert.equal(cents(taxes.filter((tax) => !tax.employer)), payment.employee_taxes.amount, 'employee taxes');
  assert.equal(cents(taxes.filter((tax) => tax.employer)), payment.employer_taxes.amount, 'employer taxes');
  const paid = statements.map((statement) => statement.individual_id).sort();
  assert.deepEqual(paid, [...payment.individual_ids].sort(), 'each person who was paid has a statement');
}

export async function payStatements(finch, list) {
  const some = list.slice(-9);
  const answer = await finch.hris.payStatements.retrieveMany({
    requests: [...some.map((payment) => ({ payment_id: payment.id })), { payment_id: unknownID }],
  });
  assert.deepEqual(answer.responses.map((entry) => entry.payment_id), [...some.map((payment) => payment.id), unknownID]);
  const absent = answer.responses.at(-1);
  assert.equal(absent.code, 404);
  assert.equal(absent.body.finch_code, 'payment_not_found');
  for (const [i, payment] of some.entries()) {
    const { code, body } = answer.responses[i];
    assert.equal(code, 200);
    assert.equal(body.paging.count, body.pay_statements.length);
    sums(payment, body.pay_statements);
  }

  const whole = answer.responses[0].body.pay_statements;
  const page = await finch.hris.payStatements.retrieveMany({
    requests: [
      { payment_id: some[0].id, limit: 2, offset: 1 },
      { payment_id: some[0].id, offset: whole.length },
    ],
  });
  assert.deepEqual(page.responses[0].body.pay_statements, whole.slice(1, 3));
  assert.deepEqual(page.responses[0].body.paging, { count: whole.length, offset: 1 });
  assert.deepEqual(page.responses[1].body.pay_statements, []);

  await refused(finch.hris.payStatements.retrieveMany({ requests: [] }), wrong);
  await refused(finch.hris.payStatements.retrieveMany({ requests: Array(11).fill({ payment_id: unknownID }) }), {
    as: Finch.UnprocessableEntityError, status: 422, name: 'unprocessable_entity_error', code: 'batch_limit_exceeded',
  });
  await refused(finch.hris.payStatements.retrieveMany({ requests: [{ payment_id: some[0].id, limit: 5001 }] }), {
    as: Finch.UnprocessableEntityError, status: 422, name: 'unprocessable_entity_error', code: 'page_size_limit_exceeded',
  });
}

export async function payGroups(finch, connection, people, list) {
  const groups = (await finch.payroll.payGroups.list()).items;
  assert.ok(groups.length > 0);
  const paid = new Set(list.flatMap((payment) => payment.pay_group_ids));
  assert.ok([...paid].every((id) => groups.some((group) => group.id === id)), 'payments name groups that exist');

  const ids = new Set(people.map((person) => person.id));
  const members = new Map();
  for (const group of groups) {
    const one = await finch.payroll.payGroups.retrieve(group.id, { entity_ids: [connection.entity_id] });
    const { individual_ids, ...summary } = one;
    assert.deepEqual(summary, group);
    assert.ok(individual_ids.every((id) => ids.has(id)));
    members.set(group.id, individual_ids);
  }
  const [someGroup, [someone]] = [...members].find(([, list]) => list.length > 0);
  const ofPerson = (await finch.payroll.payGroups.list({ individual_id: someone })).items.map((group) => group.id);
  assert.ok(ofPerson.includes(someGroup));
  assert.ok(ofPerson.every((id) => members.get(id).includes(someone)));

  const [frequency] = groups[0].pay_frequencies;
  const byFrequency = (await finch.payroll.payGroups.list({ pay_frequencies: [frequency, 'annually'] })).items;
  assert.deepEqual(byFrequency, groups.filter((group) => group.pay_frequencies.some((f) => f === frequency || f === 'annually')));
  assert.deepEqual((await finch.payroll.payGroups.list({ individual_id: unknownID })).items, []);
  await refused(finch.payroll.payGroups.list({ pay_frequencies: ['hourly'] }), wrong);
  await refused(finch.payroll.payGroups.retrieve(unknownID), {
    as: Finch.NotFoundError, status: 404, name: 'not_found_error', code: 'item_not_found',
  });
}
