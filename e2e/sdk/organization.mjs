// Company, directory, individuals, employments.
import assert from 'node:assert/strict';
import Finch from '@tryfinch/finch-api';
import { refused, unknownID } from './setting.mjs';

export async function company(finch, connection) {
  const { data, response } = await finch.hris.company.retrieve().withResponse();
  assert.equal(data.id, connection.company_id);
  assert.ok(data.legal_name);
  assert.ok(Array.isArray(data.locations));
  for (const header of ['finch-request-id', 'finch-data-retrieved', 'finch-last-attempted-update-result']) {
    assert.ok(response.headers.get(header), header);
  }
  const chosen = await finch.hris.company.retrieve({ entity_ids: [connection.entity_id] });
  assert.deepEqual(chosen, data);
  const wrong = { as: Finch.BadRequestError, status: 400, name: 'invalid_request_error', code: 'invalid_request' };
  await refused(finch.hris.company.retrieve({ entity_ids: [unknownID] }), wrong);
  await refused(finch.hris.company.retrieve({ entity_ids: [connection.entity_id, unknownID] }), wrong);
  await refused(finch.hris.company.retrieve({ entity_ids: ['somewhere'] }), wrong);
}

export async function directory(finch, connection, size) {
  const whole = await finch.hris.directory.list();
  assert.equal(whole.paging.count, size);
  assert.equal(whole.paging.offset, 0);
  assert.equal(whole.individuals.length, size);

  const paged = [];
  for await (const person of finch.hris.directory.list({ limit: 7 })) paged.push(person);
  assert.deepEqual(paged, whole.individuals, 'pages put together are the whole list');
  assert.equal(new Set(paged.map((person) => person.id)).size, size, 'no person comes twice');

  const middle = await finch.hris.directory.list({ limit: 3, offset: 4, entity_ids: [connection.entity_id] });
  assert.deepEqual(middle.individuals, whole.individuals.slice(4, 7));
  assert.equal(middle.paging.offset, 4);
  const past = await finch.hris.directory.list({ offset: size + 5 });
  assert.deepEqual(past.individuals, []);

  const ids = new Set(paged.map((person) => person.id));
  for (const person of paged) assert.ok(!person.manager || ids.has(person.manager.id), 'a manager is in the directory');

  const wrong = { as: Finch.BadRequestError, status: 400, name: 'invalid_request_error', code: 'invalid_request' };
  await refused(finch.hris.directory.list({ limit: -1 }), wrong);
  await refused(finch.hris.directory.list({ offset: 'first' }), wrong);
  await refused(finch.hris.directory.list({ limit: 10_001 }), {
    as: Finch.UnprocessableEntityError, status: 422, name: 'unprocessable_entity_error', code: 'page_size_limit_exceeded',
  });
  return whole.individuals;
}

// missing checks the entry of a batch for an id that nobody has.
function missing(entry, id) {
  assert.equal(entry.individual_id, id);
  assert.equal(entry.code, 404);
  assert.equal(entry.body.name, 'not_found_error');
  assert.equal(entry.body.finch_code, 'individual_not_found');
}

export async function individuals(finch, people) {
  const ids = people.map((person) => person.id);
  const requests = [...ids, unknownID, 'nobody'].map((individual_id) => ({ individual_id }));
  const plain = await finch.hris.individuals.retrieveMany({ requests });
  assert.deepEqual(plain.responses.map((entry) => entry.individual_id), [...ids, unknownID, 'nobody']);
  missing(plain.responses.at(-2), unknownID);
  missing(plain.responses.at(-1), 'nobody');
  for (const [i, entry] of plain.responses.slice(0, -2).entries()) {
    assert.equal(entry.code, 200);
    assert.equal(entry.body.id, ids[i]);
    assert.equal(entry.body.first_name, people[i].first_name);
    assert.equal(entry.body.last_name, people[i].last_name);
    assert.ok(!('ssn' in entry.body) && !('encrypted_ssn' in entry.body), 'nobody asked for the number');
  }

  const asked = await finch.hris.individuals.retrieveMany({
    requests: ids.map((individual_id) => ({ individual_id })), options: { include: ['ssn'] },
  });
  const numbers = [];
  for await (const entry of asked) numbers.push(entry.body.ssn);
  assert.ok(numbers.every((ssn) => ssn === null || /^\d{9}$/.test(ssn)), 'a number has nine digits');
  assert.ok(numbers.some((ssn) => ssn !== null));

  assert.deepEqual((await finch.hris.individuals.retrieveMany({ requests: [] })).responses, []);
  const wrong = { as: Finch.BadRequestError, status: 400, name: 'invalid_request_error', code: 'invalid_request' };
  await refused(finch.hris.individuals.retrieveMany({}), wrong);
  await refused(finch.hris.individuals.retrieveMany({ requests: [], options: { include: ['salary'] } }), wrong);
  await refused(finch.hris.individuals.retrieveMany({ requests: Array(10_001).fill({ individual_id: unknownID }) }), {
    as: Finch.UnprocessableEntityError, status: 422, name: 'unprocessable_entity_error', code: 'batch_limit_exceeded',
  });
}

export async function employments(finch, people) {
  const ids = people.map((person) => person.id);
  const answer = await finch.hris.employments.retrieveMany({
    requests: [...ids, unknownID, 'nobody'].map((individual_id) => ({ individual_id })),
  });
  assert.deepEqual(answer.responses.map((entry) => entry.individual_id), [...ids, unknownID, 'nobody']);
  missing(answer.responses.at(-2), unknownID);
  missing(answer.responses.at(-1), 'nobody');
  for (const [i, entry] of answer.responses.slice(0, -2).entries()) {
    assert.equal(entry.code, 200);
    assert.equal(entry.body.id, ids[i]);
    for (const field of ['first_name', 'middle_name', 'last_name', 'manager', 'department', 'is_active']) {
      assert.deepEqual(entry.body[field], people[i][field], `${field} is the directory's`);
    }
    assert.ok(!entry.body.income || Number.isSafeInteger(entry.body.income.amount), 'pay is in whole cents');
  }
  await refused(finch.hris.employments.retrieveMany({ requests: Array(10_001).fill({ individual_id: unknownID }) }), {
    as: Finch.UnprocessableEntityError, status: 422, name: 'unprocessable_entity_error', code: 'batch_limit_exceeded',
  });
}
