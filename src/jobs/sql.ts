import type { DataSource } from 'typeorm';

/** Runs statements: each on any connection, or all in one transaction. */
export interface Sql {
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller knows the columns of its statement
  query<Row>(text: string, values?: readonly unknown[]): Promise<{ readonly rows: Row[]; readonly rowCount: number }>;
}

/** Each statement on any connection. TypeORM would return a different form for each kind of statement. */
export function sqlOf(dataSource: DataSource): Sql {
  return (dataSource.driver as unknown as { readonly master: Sql }).master;
}

export function inTransaction<Result>(dataSource: DataSource, work: (sql: Sql) => Promise<Result>): Promise<Result> {
  return dataSource.transaction(async ({ queryRunner }) => work((await queryRunner!.connect()) as Sql));
}
