import js from '@eslint/js'
import { defineConfig } from 'eslint/config'
import hooks from 'eslint-plugin-react-hooks'
import globals from 'globals'
import { readdirSync } from 'node:fs'
import tseslint from 'typescript-eslint'

const features = readdirSync(new URL('src/features', import.meta.url))

/** @param {string[]} group @param {string} message @returns {import('eslint').Linter.RulesRecord} */
const forbid = (group, message) => ({
  'no-restricted-imports': ['error', { patterns: [{ group, message }] }],
})

export default defineConfig(
  { ignores: ['dist', 'coverage'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      eqeqeq: 'error',
      '@typescript-eslint/no-invalid-void-type': 'off', // how RTK Query says that there is no argument
    },
  },
  { files: ['**/*.js'], languageOptions: { globals: globals.node } },
  {
    files: ['src/**/*.{ts,tsx}'],
    extends: [hooks.configs.flat.recommended],
    rules: { 'react-hooks/incompatible-library': 'off' }, // about a compiler that is not used
  },
  // Imports point inwards: app → features → shared, and features do not know each other.
  {
    files: ['src/shared/**'],
    rules: forbid(['@/features/**', '@/app/**'], 'shared parts know neither features nor the app'),
  },
  ...features.map((feature) => ({
    files: [`src/features/${feature}/**`],
    rules: forbid(
      [
        '@/app/**',
        ...features.filter((other) => other !== feature).map((other) => `@/features/${other}/**`),
      ],
      'features do not import each other, nor the app',
    ),
  })),
)
