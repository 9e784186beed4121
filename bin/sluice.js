#!/usr/bin/env node
// Plain JavaScript that any Node can read: finds a Node that can run Sluice, or says what is needed.
import { spawn } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, realpathSync } from "node:fs";
import module, { createRequire } from "node:module";
import { constants, homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";

const needed = 24;
const source = new URL("../src/main.ts", import.meta.url);
const built = new URL("../dist/main.js", import.meta.url);

if (Number(process.versions.node.split(".")[0]) >= needed) {
  const cache = ownCache();
  // NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE have the last word.
  if (cache !== null) module.enableCompileCache(cache);
  // A checkout runs from its source, the installed package has only what was built.
  await import(existsSync(fileURLToPath(source)) ? source.href : built.href);
} else {
  const bundled = bundledNode();
  if (bundled === null) {
    process.stderr.write(
      `sluice needs Node ${needed} or newer, and this is ${process.version}.\n` +
        `npm brings one along for ${["linux-x64", "linux-arm64", "darwin-x64", "win-x64"].join(", ")} as an optional\n` +
        `package; there is none for ${process.platform}-${process.arch}, or it was left out.\n` +
        "Install again without --omit=optional, or install Node 24 yourself and run this again.\n",
    );
    process.exit(1);
  }
  runWith(bundled);
}

/**
 * A folder for what Node has compiled, which shortens a start by a third. What lies there is run as it stands: null unless
 * nobody but us and root can put anything there, or another folder in its place.
 */
function ownCache() {
  try {
    const { XDG_CACHE_HOME: named = "" } = process.env;
    const caches = isAbsolute(named) ? named : join(homedir(), ".cache");
    const cache = join(caches, "sluice");
    for (const folder of [caches, cache]) {
      if (existsSync(folder)) continue;
      // With the home of somebody else, as by sudo, it would be one that its owner can't enter.
      if (!isOurs(dirname(folder))) return null;
      mkdirSync(folder, { mode: 0o700 });
    }
    // Folders that Node makes in it may be open to all.
    const isShut = (lstatSync(realpathSync(cache)).mode & 0o077) === 0;
    return isShut && isOurs(cache) ? realpathSync(cache) : null;
  } catch {
    // No home, or a system without owners: it starts all the same.
    return null;
  }
}

function isOurs(folder) {
  const place = realpathSync(folder);
  for (let at = place; ; at = dirname(at)) {
    const { uid, mode } = lstatSync(at);
    // In a sticky folder, such as /tmp, others can make files, but not replace ours.
    const sticky = at !== place && (mode & 0o1000) !== 0;
    if (uid !== process.getuid() && uid !== 0) return false;
    if ((mode & 0o022) !== 0 && !sticky) return false;
    if (at === dirname(at)) return true;
  }
}

function bundledNode() {
  const platform = process.platform === "win32" ? "win" : process.platform;
  const program = process.platform === "win32" ? "bin/node.exe" : "bin/node";
  try {
    const path = createRequire(import.meta.url).resolve(`node-${platform}-${process.arch}/${program}`);
    return existsSync(path) ? path : null;
  } catch {
    return null;
  }
}

function runWith(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`sluice: ${node} cannot be started: ${error.message}\n`);
    process.exit(1);
  });
  // As a shell tells of a program that a signal ended.
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}
