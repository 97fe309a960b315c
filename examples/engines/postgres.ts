/**
 * A table of Postgres as the source of `consume`, by `FOR UPDATE SKIP LOCKED`.
 *
 * - Lease and `nak(ms)`: both set `due`, when the next machine may take the row.
 * - `taken` counts deliveries: the slower machine can't change what is the next one's.
 * - Dead letters: `term()` leaves the row, due at infinity.
 *
 * @module
 */

// @ts-types="@types/pg"
import type { Pool } from "pg";
import type { Message, Receive } from "../../src/consume/mod.ts";
import { polled, type PollOptions } from "./poll.ts";

export const SCHEMA = `
  create table if not exists jobs (
    id bigserial primary key, body jsonb not null,
    due timestamptz not null default now(), taken int not null default 0);
  create index if not exists jobs_due on jobs (due, id)`;
const TAKE = `
  update jobs set due = now() + $2 * interval '1 ms', taken = taken + 1
  where id in (select id from jobs where due <= now() order by due, id
               limit $1 for update skip locked) returning id, body, taken`;
const LATER = `
  update jobs set due = now() + $3 * interval '1 ms' where id = $1 and taken = $2`;
const DEAD = "update jobs set due = 'infinity' where id = $1 and taken = $2";

/** A row that was taken. */
export interface Job<T> extends Message {
  readonly id: string;
  readonly body: T;
}

/** The rows that are due, each taken for a lease in ms. */
export function postgres<T>(
  pool: Pool,
  { lease, ...options }: { lease: number } & PollOptions,
): Receive<Job<T>> {
  const change = async (sql: string, values: unknown[]) =>
    (await pool.query(sql, values)).rowCount === 1;
  type Row = { id: string; body: T; taken: number };
  const job = ({ id, body, taken }: Row): Job<T> => ({
    ...{ id, body, info: { deliveryCount: taken } },
    // What is done is done, also by the slower one; a row that is gone is.
    ack: () => pool.query("delete from jobs where id = $1", [id]),
    nak: (ms = 0) => change(LATER, [id, taken, ms]),
    working: () => change(LATER, [id, taken, lease]),
    term: () => change(DEAD, [id, taken]),
  });
  return polled(async (room) => {
    return (await pool.query<Row>(TAKE, [room, lease])).rows.map(job);
  }, options);
}
