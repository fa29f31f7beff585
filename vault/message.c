/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* An allocator that counts. Owns no state. */
#include "vault/message.h"

#include <stdlib.h>

struct account {
    size_t used; /* never less: what is freed while it unfolds counts, too */
    size_t max;
};

static void *take(void *data, size_t size)
{
    struct account *account = data;
    if (size > account->max - account->used)
        return NULL;
    account->used += size;
    return malloc(size);
}

static void give_back(void *data, void *memory)
{
    (void)data;
    free(memory);
}

ProtobufCMessage *message_unpack(const ProtobufCMessageDescriptor *descriptor, struct bytes packed,
                                 size_t max, size_t *ret_bytes)
{
    struct account account = {.max = max};
    ProtobufCAllocator allocator = {.alloc = take, .free = give_back, .allocator_data = &account};
    ProtobufCMessage *message =
        protobuf_c_message_unpack(descriptor, &allocator, packed.length, packed.data);
    if (message != NULL)
        *ret_bytes = account.used;
    return message;
}
