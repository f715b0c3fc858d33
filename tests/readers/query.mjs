// Reads the published copy with DuckDB's Node client, again and again, until the file `stop` is there.
// Arguments: the published file, how many readers, the file `stop`. Writes what each reader saw as one line of JSON.
import { existsSync } from 'node:fs';
import { setPriority } from 'node:os';
import { DuckDBInstance } from '@duckdb/node-api';

const [file, readers, stop] = process.argv.slice(2);
setPriority(10); // twenty readers on a small machine would keep the publisher from its work

async function rows(connection, sql) {
  return (await connection.runAndReadAll(sql)).getRowsJson();
}

async function once(file, saw) {
  const instance = await DuckDBInstance.create(file, { access_mode: 'READ_ONLY' });
  const connection = await instance.connect();
  try {
    const [[run]] = await rows(connection, 'select run_id from marts.publication');
    for (const table of ['customer_value', 'customer_segments', 'kpi_scorecard']) {
      const runs = await rows(connection, `select distinct run from marts.${table}`);
      if (runs.length !== 1 || runs[0][0] !== run) saw.inconsistent += 1;
      saw.queries += 1;
    }
    saw.runs[run] = (saw.runs[run] ?? 0) + 1;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function read() {
  const saw = { kind: 'node', queries: 0, failed: 0, inconsistent: 0, again: 0, runs: {}, errors: [] };
  let isLast = false;
  while (!isLast) {
    isLast = existsSync(stop); // so that the last reading begins when nothing is published any more
    try {
      await once(file, saw);
    } catch (error) {
      saw.failed += 1;
      saw.errors.push(String(error));
    }
    if (saw.queries === 3) console.log('ready');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return saw;
}

const all = await Promise.all(Array.from({ length: Number(readers) }, read));
console.log(JSON.stringify(all));
