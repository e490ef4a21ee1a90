import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  {
    ignores: [
      'artefacts/',
      'dist/',
      'node_modules/',
      'admin/',
      'clients/*/dist/',
      'clients/typescript/src/schema.ts',
      'data/',
      'coverage/',
      '*.config.js',
      '.*.cjs',
    ],
  },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // Nest's modules are empty decorated classes, and its dynamic tokens are classes passed as values.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      // Numbers in messages are the rule here, not the accident the preset guards against.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Pixel loops index typed arrays whose bounds the loop itself guarantees.
      // Nest's tokens are abstract classes, which this rule takes for mistakes.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/consistent-type-definitions': 'off',
    },
  },
);
