import { expect, test } from 'vitest';
import { replayStartFrom } from '../../domain/replayInput.ts';

const begun = { workflowId: 'replay:rpl_a', firstExecutionRunId: '0190aaaa-bbbb' };
const day = '2026-01-15T00:00:00Z';
const filter = { destinationId: 'dst_a' };

test('what is left out gets what the API gives it', () => {
  expect(replayStartFrom({ of: 'delivered', filter }, begun)).toEqual({
    ...{ id: 'rpl_a--0190aaaa', of: 'delivered', filter, dryRun: false, by: 'temporal' },
    ...{ eventsPerSecond: 200, eventsMax: 1_000_000 },
  });
  const runs = [{ workflowId: 'w', runId: 'r' }];
  expect(replayStartFrom({ of: 'delivered', named: { ids: ['evt_a'], runs }, dryRun: true }, begun)).toMatchObject({
    ...{ dryRun: true, filter: {}, named: { ids: ['evt_a'], lanes: [], runs } },
  });
});

test('a name that lanes would not take is refused, before it is said to be done', () => {
  for (const name of ['replay:rpl.a', `replay:${'a'.repeat(31)}`]) {
    const said = replayStartFrom({ filter }, { ...begun, workflowId: name });
    expect(said).toEqual({ problem: expect.stringContaining('The workflow id is wrong') });
  }
});

test.each([
  [undefined, 'no object'],
  [[], 'no object'],
  [{}, 'The filter selects nothing'],
  [{ filter: { eventType: 'e' } }, 'The filter selects nothing'],
  [{ filter: 'dst_a' }, 'filter is wrong'],
  [{ filter: { ...filter, eventTyp: 'e' } }, 'filter.eventTyp is not known'],
  [{ filter, events: 1 }, 'events is not known'],
  [{ filter: { customerExternalId: 'a"b' } }, 'give destinationId in place of it'],
  [{ filter: { ...filter, acceptedFrom: 'noon' } }, 'filter.acceptedFrom is wrong: expected a time'],
  [{ filter: { ...filter, acceptedFrom: day, acceptedTo: day } }, 'filter.acceptedTo is wrong: it ends before'],
  [{ filter: { ...filter, parkedFrom: day, parkedTo: day } }, 'filter.parkedTo is wrong: it ends before'],
  [{ filter, of: 'lost' }, 'of is wrong: expected one of parked, delivered, any'],
  [{ filter: { ...filter, error: 'MESSAGE_TOO_LARGE' }, of: 'any' }, 'expected "parked" with error'],
  [{ filter: { ...filter, error: 'TOO_LARGE' } }, 'filter.error is wrong: expected one of '],
  [{ filter, eventsPerSecond: 0 }, 'eventsPerSecond is wrong: expected a whole number of 1 to 10000'],
  [{ filter, eventsMax: '5' }, 'eventsMax is wrong'],
  [{ filter, dryRun: 'yes' }, 'dryRun is wrong: expected true or false'],
  [{ named: { ids: 'evt_a' } }, 'named.ids is wrong: expected a list of texts'],
  [{ named: { ids: ['evt_a'], runs: ['r'] } }, 'named.runs is wrong'],
  ...[{ eventType: 'e' }, { customerExternalId: 'c' }, { acceptedFrom: day }, { error: 'MESSAGE_TOO_LARGE' }].map(
    (more): [unknown, string] => [
      { named: { ids: ['evt_a'], lanes: ['l'] }, filter: { ...filter, ...more } },
      'expected no filter but destinationId beside named events',
    ],
  ),
  [{ filter, constructor: 1 }, 'constructor is not known'],
])('%j is refused: %s', (input, says) => {
  expect(replayStartFrom(input, begun)).toEqual({ problem: expect.stringContaining(says) });
});
