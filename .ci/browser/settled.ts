/**
 * Loads the tests' helpers, which alone may have `setImmediate` here.
 *
 * @module
 */

import "../../tests/support/helpers.ts";
import { withdrawImmediates } from "./globals.ts";

withdrawImmediates();
