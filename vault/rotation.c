/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The one rotation that is under way, guarded by `lock`, which a step holds throughout. */
#include "vault/rotation.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/crash_point.h"
#include "vault/governance.h"
#include "vault/hsm_watch.h"
#include "vault/product_make.h"

#define STEP_MS        1000  /* of work, the call that is under way not counted */
#define IDLE_MS        60000 /* then another product's rotation may take the place */
#define FIRST_CAPACITY 64

static_assert(LEDGER_WRAPPED_KEY_MAX == HSM_WRAPPED_KEY_MAX, "a re-wrapped key fits both ways");
static_assert(LEDGER_KEY_ID_BYTES == HSM_KEY_ID_BYTES, "a key id fits both ways");

/* Images in the order of their ids; the first `done` have their new session keys. */
struct list {
    struct ledger_rewrapped *images; /* owned */
    size_t count;
    size_t capacity;
    size_t done;
    bool is_too_long;
    bool is_out_of_memory;
};

struct rotation {
    pthread_mutex_t lock;
    bool is_active;
    int64_t touched_ms;
    int64_t product_id;
    int64_t generation; /* of the new key */
    struct hsm_key_id old_key;
    struct hsm_key_id new_key;
    struct list list;
};

struct rotation *rotation_new(void)
{
    struct rotation *rotation = calloc(1, sizeof *rotation);
    if (rotation != NULL)
        (void)pthread_mutex_init(&rotation->lock, NULL);
    return rotation;
}

static void forget(struct rotation *rotation)
{
    free(rotation->list.images);
    rotation->list = (struct list){0};
    rotation->is_active = false;
}

void rotation_free(struct rotation *rotation)
{
    if (rotation == NULL)
        return;
    forget(rotation);
    (void)pthread_mutex_destroy(&rotation->lock);
    free(rotation);
}

/* ---- the product's images ---- */

static bool grow(struct list *list)
{
    size_t capacity = list->capacity == 0 ? FIRST_CAPACITY : 2 * list->capacity;
    struct ledger_rewrapped *images = realloc(list->images, capacity * sizeof *images);
    if (images == NULL)
        return false;
    list->images = images;
    list->capacity = capacity;
    return true;
}

static bool add_image(void *context, const struct ledger_image *image)
{
    struct list *list = context;
    list->is_too_long = list->count == LEDGER_ROTATION_MAX;
    list->is_out_of_memory = list->count == list->capacity && !grow(list);
    if (list->is_too_long || list->is_out_of_memory)
        return false;
    struct ledger_rewrapped *added = &list->images[list->count++];
    *added = (struct ledger_rewrapped){.image_id = image->id, .length = image->session_key_length};
    memcpy(added->was, image->session_key, added->length);
    return true;
}

static bool is_same(const struct ledger_rewrapped *a, const struct ledger_rewrapped *b)
{
    return a->image_id == b->image_id && a->length == b->length &&
           memcmp(a->was, b->was, a->length) == 0;
}

/* What is done of the list before; images are only added, so it is the beginning of the new one. */
static void take_over(struct list *fresh, const struct list *before)
{
    while (fresh->done < before->done && fresh->done < fresh->count &&
           is_same(&fresh->images[fresh->done], &before->images[fresh->done])) {
        fresh->images[fresh->done] = before->images[fresh->done];
        fresh->done++;
    }
}

static enum error check_list(const struct list *list, struct fault *fault)
{
    if (list->is_out_of_memory)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    if (list->is_too_long)
        return fault_set(fault, ERR_TOO_LARGE, "images",
                         "The firmware key of a product with more than 100000 images cannot be "
                         "rotated.",
                         0);
    return ERR_OK;
}

static enum error list_images(struct vault *vault, struct rotation *rotation, struct fault *fault)
{
    struct list fresh = {0};
    enum error e =
        ledger_images_each(vault->ledger, rotation->product_id, add_image, &fresh, fault);
    if (e == ERR_OK)
        e = check_list(&fresh, fault);
    if (e != ERR_OK) {
        free(fresh.images);
        return e;
    }
    take_over(&fresh, &rotation->list);
    free(rotation->list.images);
    rotation->list = fresh;
    return ERR_OK;
}

/* ---- the parts of a step ---- */

static enum error begin(struct vault *vault, struct rotation *rotation,
                        const struct ledger_product *product, struct fault *fault)
{
    forget(rotation);
    rotation->product_id = product->id;
    rotation->generation = product->generation + 1;
    rotation->old_key = product_firmware_key_id(product->name, product->generation);
    rotation->new_key = product_firmware_key_id(product->name, rotation->generation);
    enum error e = governance_permits(vault->governance, product->id, product->name, fault);
    if (e == ERR_OK)
        e = hsm_watch_permits(vault->watch, fault);
    if (e == ERR_OK)
        e = product_firmware_key_make(vault->hsm, product->name, rotation->generation, fault);
    crash_point("vault.rotation-key");
    if (e == ERR_OK)
        e = list_images(vault, rotation, fault);
    rotation->is_active = e == ERR_OK;
    return e;
}

static enum error rewrap_next(struct vault *vault, struct rotation *rotation, struct fault *fault)
{
    struct ledger_rewrapped *image = &rotation->list.images[rotation->list.done];
    struct hsm_wrapped_key key = {.length = image->length};
    memcpy(key.bytes, image->was, image->length);
    enum error e =
        hsm_rewrap(vault->hsm, &rotation->old_key, &key, &rotation->new_key, &key, fault);
    if (e != ERR_OK)
        return e;
    memcpy(image->is, key.bytes, image->length);
    rotation->list.done++;
    crash_point("vault.rotation-rewrapped");
    return ERR_OK;
}

/* Images that came meanwhile are wrapped in the next round. */
static enum error commit(struct vault *vault, struct rotation *rotation,
                         const struct rotation_wish *wish, bool *ret_is_done, struct fault *fault)
{
    struct ledger_rotation change = {.product = wish->product,
                                     .generation = rotation->generation,
                                     .images = rotation->list.images,
                                     .count = rotation->list.count};
    memcpy(change.old_key, rotation->old_key.bytes, sizeof change.old_key);
    memcpy(change.new_key, rotation->new_key.bytes, sizeof change.new_key);
    crash_point("vault.rotation-commit");
    enum error e = ledger_firmware_key_rotate(vault->ledger, &change, wish->by, fault);
    crash_point("vault.rotation-committed");
    *ret_is_done = e == ERR_OK;
    if (e == ERR_CONFLICT && strcmp(fault->reason, "images-changed") == 0)
        e = list_images(vault, rotation, fault);
    return e;
}

static enum error work(struct vault *vault, struct rotation *rotation,
                       const struct rotation_wish *wish, struct rotation_progress *progress,
                       struct fault *fault)
{
    const deadline_ms deadline = deadline_in(STEP_MS);
    const struct list *list = &rotation->list;
    enum error e = ERR_OK;
    while (e == ERR_OK && !progress->is_finished && deadline_left_ms(deadline) > 0) {
        if (list->done < list->count)
            e = rewrap_next(vault, rotation, fault);
        else
            e = commit(vault, rotation, wish, &progress->is_finished, fault);
    }
    progress->done = list->done;
    progress->count = list->count;
    return e;
}

/* ---- a step ---- */

static enum error check_generation(const struct ledger_product *product,
                                   const struct rotation_wish *wish, struct fault *fault)
{
    if (wish->generation == 0 || wish->generation == product->generation + 1)
        return ERR_OK;
    return fault_set(fault, ERR_CONFLICT, "firmware-key-changed",
                     "This is not the product's next generation: see provctl hsm keys.", 0);
}

static enum error check_free(const struct rotation *rotation, const struct ledger_product *product,
                             struct fault *fault)
{
    if (!rotation->is_active || rotation->product_id == product->id ||
        clock_monotonic_ms() - rotation->touched_ms > IDLE_MS)
        return ERR_OK;
    return fault_set(fault, ERR_BUSY, "rotation",
                     "Another product's firmware key is being rotated: let that be finished first.",
                     0);
}

/* The one that is under way, or that was committed without anybody having heard of it. */
static bool is_this(const struct rotation *rotation, const struct ledger_product *product,
                    int64_t generation)
{
    return rotation->is_active && rotation->product_id == product->id &&
           rotation->generation == generation;
}

static enum error step(struct vault *vault, const struct rotation_wish *wish,
                       struct rotation_progress *progress, struct fault *fault)
{
    struct rotation *rotation = vault->rotation;
    struct ledger_product product;
    enum error e = ledger_product_get(vault->ledger, wish->product, &product, fault);
    if (e == ERR_OK)
        e = check_free(rotation, &product, fault);
    if (e != ERR_OK)
        return e;
    progress->is_finished =
        wish->generation == product.generation || is_this(rotation, &product, product.generation);
    progress->generation = product.generation + !progress->is_finished;
    if (progress->is_finished)
        return ERR_OK;
    e = check_generation(&product, wish, fault);
    if (e == ERR_OK && !is_this(rotation, &product, product.generation + 1))
        e = begin(vault, rotation, &product, fault);
    if (e == ERR_OK)
        e = work(vault, rotation, wish, progress, fault);
    rotation->touched_ms = clock_monotonic_ms();
    return e;
}

enum error rotation_step(struct vault *vault, const struct rotation_wish *wish,
                         struct rotation_progress *ret_progress, struct fault *fault)
{
    struct rotation *rotation = vault->rotation;
    struct rotation_progress progress = {0};
    if (pthread_mutex_trylock(&rotation->lock) != 0)
        return fault_set(fault, ERR_BUSY, "rotation", "A firmware key is being rotated already.",
                         0);
    enum error e = step(vault, wish, &progress, fault);
    if (e == ERR_OK && progress.is_finished)
        forget(rotation);
    (void)pthread_mutex_unlock(&rotation->lock);
    if (e != ERR_OK)
        return e;
    progress.new_key = product_firmware_key_id(wish->product, progress.generation);
    *ret_progress = progress;
    return ERR_OK;
}
