import { DataSource } from 'typeorm';
import { entities } from './src/storage/records/data-source.ts';

/** For the TypeORM CLI, which writes migrations: `npx typeorm migration:generate -d ormconfig.ts migrations/NAME`. */
export default new DataSource({
  type: 'postgres',
  url: process.env['DATABASE_URL'] ?? '',
  entities,
  synchronize: false,
  migrationsTableName: 'migrations',
  migrations: ['migrations/*.ts'],
});
