/** For test/mounts, which asks for it here. */
export * from '../support/wire.js'
