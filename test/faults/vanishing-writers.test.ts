import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ask } from '../support/ask.js'
import { bucket, commits, holds, sum } from './support/branch.js'
import { leave, leavings, received, sendPart } from './support/http.js'
import { boundariesOf, framings, putMessage } from './support/messages.js'
import { leaked, openThings, type Rig, startRig } from './support/rig.js'

const maxSharedBodyBytes = 16 * 1024
const sizes = { small: 9000, large: 2_500_000 }

const writers = suite<{ rig: Rig; before: Readonly<Record<string, number>> }>('vanishing writers')

writers.before(async (context) => {
  context.rig = await startRig({ options: { maxSharedBodyBytes } })
  // The first request opens the connection to PFS, which stays.
  await leave(
    await sendPart(context.rig.port, putMessage(`/${bucket}/x`, Buffer.alloc(5), 'content-length'), 1000),
    'closes',
  )
  await context.rig.idle()
  context.before = openThings()
})

writers.after(({ rig }) => rig.close())

for (const [size, bytes] of Object.entries(sizes)) {
  for (const framing of framings) {
    writers(`a ${size} object, ${framing}: stored completely or not at all`, async ({ rig, before }) => {
      const content = Buffer.alloc(bytes, `${size} ${framing} `)
      const message = putMessage(`/${bucket}/${size}-${framing}`, content, framing)
      for (const [stopped, sent] of boundariesOf(message)) {
        for (const how of leavings) {
          const [commitsBefore, heldBefore] = [await commits(rig.truth), await holds(rig.truth)]
          await leave(await sendPart(rig.port, message, sent), how)
          await rig.idle()
          const [commitsAfter, heldAfter] = [await commits(rig.truth), await holds(rig.truth)]
          const made = commitsAfter.length - commitsBefore.length
          const which = `${stopped}, ${how}`
          if (made === 0) {
            assert.equal([...heldAfter], [...heldBefore], which)
          } else {
            assert.is(sent, message.head.length + message.body.length, `${which}: written though not sent`)
            assert.is(made, 1, which)
            assert.is(heldAfter.get(`${size}-${framing}`), sum(content), which)
            assert.equal(commitsAfter.slice(1), commitsBefore, which)
          }
        }
      }
      const stayed = await sendPart(rig.port, message, message.head.length + message.body.length)
      const answer = received(stayed)
      stayed.once('data', () => stayed.destroy())
      assert.match(await answer, /^HTTP\/1\.1 200 /)
      await rig.idle()
      assert.is((await holds(rig.truth)).get(`${size}-${framing}`), sum(content))
      assert.equal(rig.errors, [], 'who leaves is no error for the operator')
      assert.equal(await leaked(before), [])
    })
  }
}

for (const framing of framings) {
  writers(`a part of an upload, ${framing}: stored completely or not at all`, async ({ rig, before }) => {
    const target = `/${bucket}/upload-${framing}`
    const created = await ask(rig.port, 'POST', `${target}?uploads`)
    const uploadId = /<UploadId>(.+)<\/UploadId>/.exec(created.body.toString())?.[1] ?? ''
    const content = Buffer.alloc(sizes.large, 'part ')
    const message = putMessage(`${target}?partNumber=1&uploadId=${uploadId}`, content, framing)
    const history = await commits(rig.truth)
    for (const [stopped, sent] of boundariesOf(message)) {
      for (const how of leavings) {
        await leave(await sendPart(rig.port, message, sent), how)
        await rig.idle()
        const listed = await ask(rig.port, 'GET', `${target}?uploadId=${uploadId}`)
        const [, size] = /<Part>.*<Size>(\d+)<\/Size>.*<\/Part>/s.exec(listed.body.toString()) ?? []
        const isSent = sent === message.head.length + message.body.length
        assert.ok(size === undefined || (isSent && size === `${content.length}`), `${stopped}, ${how}: ${size}`)
      }
    }
    assert.equal(await commits(rig.truth), history, 'the bucket has not changed')
    await rig.idle()
    assert.equal(rig.errors, [])
    assert.equal(await leaked(before), [])
  })
}

writers.run()
