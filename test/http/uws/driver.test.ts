// The driver on uWebSockets.js keeps the contract of drivers.
import { createUwsDriver } from '../../../src/http/uws/driver.ts';
import { driverContract } from '../driver-contract.ts';

driverContract('uWebSockets.js', createUwsDriver(16 * 1024));
