// deno-coverage-ignore-file

/**
 * fast-check, with one seed for every property. Deno's alone: it is an npm
 * package.
 *
 * @module
 */

import fc from "npm:fast-check@4.10.2";
import { seed } from "./seed.ts";

fc.configureGlobal({ seed });

export default fc;
