import type { Command } from 'commander';

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('start the service with the settings from the environment and .env')
    .action(async () => {
      await import('../main.ts');
    });
}
