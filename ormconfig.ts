import { DataSource } from 'typeorm';
import { dataSourceOptions } from './src/storage/records/data-source.ts';

/** For the TypeORM CLI, which writes migrations: `npx typeorm migration:generate -d ormconfig.ts migrations/NAME`. */
export default new DataSource({
  ...dataSourceOptions(process.env['DATABASE_URL'] ?? ''),
  migrations: ['migrations/*.ts'],
});
