/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What is left of the ledger's disk, and when first licenses stop. Owns no state. */
#include "ledger/gate.h"
#include "ledger/handle.h"

#define WARN_FACTOR 2 /* of the reserve */

void ledger_set_reserve(struct ledger *ledger, int64_t bytes)
{
    committer_set_reserve(ledger->committer, bytes);
}

void ledger_room(struct ledger *ledger, struct ledger_room *ret_room)
{
    int64_t reserve = committer_reserve(ledger->committer);
    int64_t left = ledger->ops->free_bytes(ledger->store);
    enum ledger_room_state state = LEDGER_ROOM_OK;
    if (left < reserve)
        state = LEDGER_ROOM_SPENT;
    else if (left / WARN_FACTOR < reserve)
        state = LEDGER_ROOM_LOW;
    *ret_room = (struct ledger_room){.state = state, .free_bytes = left, .reserve_bytes = reserve};
}

enum error ledger_room_fault(struct fault *fault)
{
    return fault_set(fault, ERR_LEDGER_UNAVAILABLE, LEDGER_DISK_NEARLY_FULL,
                     "The ledger's disk has less room than vault.disk_reserve_mb keeps free: make "
                     "room there. No new license, image, caller or product until then.",
                     0);
}

enum error ledger_room_permits(struct ledger *ledger, int64_t bytes, struct fault *fault)
{
    struct ledger_room room;
    ledger_room(ledger, &room);
    return room.free_bytes - bytes < room.reserve_bytes ? ledger_room_fault(fault) : ERR_OK;
}

enum error gate_room(const struct change_context *context, struct fault *fault)
{
    return context->is_room_spent ? ledger_room_fault(fault) : ERR_OK;
}
