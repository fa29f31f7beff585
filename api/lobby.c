/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Guests by their sockets, addresses by a hash that depends on a secret of this process, all under
 * one lock. An address is forgotten when it has no guest and its pace owes nothing.
 */
#include "api/lobby.h"

#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "core/bytes.h"

#define BUCKETS     4096 /* a power of two */
#define SEED_SIZE   32
#define ROOM_FIRST  256
#define IPV4_SIZE   4
#define IPV6_PREFIX 8
#define US_PER_S    1000000LL
#define US_PER_MS   1000LL

static_assert((BUCKETS & (BUCKETS - 1)) == 0, "a bucket is chosen by the low bits of a hash");

enum state { WAITING, SHAKING, SETTLED };

struct guest {
    struct lobby_guest self;
    struct address *address;
    enum state state;
    bool is_greeted;
    int64_t until_ms;         /* WAITING: when it is overdue; SHAKING: when it counts as settled */
    TAILQ_ENTRY(guest) place; /* WAITING: in its address; SHAKING: in the lobby */
};
TAILQ_HEAD(guests, guest);

struct address {
    uint8_t key[LOBBY_KEY_SIZE];
    unsigned connections; /* guests of any state */
    unsigned shaking;
    int64_t paid_us; /* when the handshakes that it began are paid off */
    struct guests waiting;
    LIST_ENTRY(address) chain;
    TAILQ_ENTRY(address) turn; /* while it has guests that wait */
};
LIST_HEAD(chain, address);
TAILQ_HEAD(turns, address);

struct lobby {
    int wake;
    uint8_t seed[SEED_SIZE];
    pthread_mutex_t lock; /* guards what follows */
    struct lobby_options options;
    int64_t cost_us; /* of one handshake */
    struct guest **guests;
    size_t room;
    unsigned connections;
    unsigned waiting;
    unsigned newcomers;    /* guests that are not greeted */
    struct guests shaking; /* the oldest first */
    struct turns turns;
    struct chain chains[BUCKETS];
};

enum error lobby_new(const struct lobby_options *options, struct lobby **ret_lobby)
{
    struct lobby *lobby = calloc(1, sizeof *lobby);
    if (lobby == NULL)
        return ERR_INTERNAL;
    lobby->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (lobby->wake < 0) {
        free(lobby);
        return ERR_INTERNAL;
    }
    random_fill(lobby->seed, sizeof lobby->seed);
    (void)pthread_mutex_init(&lobby->lock, NULL);
    lobby_set_options(lobby, options);
    TAILQ_INIT(&lobby->shaking);
    TAILQ_INIT(&lobby->turns);
    *ret_lobby = lobby;
    return ERR_OK;
}

void lobby_set_options(struct lobby *lobby, const struct lobby_options *options)
{
    (void)pthread_mutex_lock(&lobby->lock);
    lobby->options = *options;
    lobby->cost_us = US_PER_S / options->handshakes_per_second;
    (void)pthread_mutex_unlock(&lobby->lock);
}

/* ---- addresses ---- */

/* An IPv4 client of a socket that listens on IPv6 has an address of IPv4. */
void lobby_key(const struct sockaddr *address, uint8_t ret_key[LOBBY_KEY_SIZE])
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
    memset(ret_key, 0, LOBBY_KEY_SIZE);
    ret_key[0] = AF_INET;
    if (address->sa_family == AF_INET) {
        memcpy(ret_key + 1, &v4->sin_addr, IPV4_SIZE);
    } else if (address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        memcpy(ret_key + 1, &v6->sin6_addr.s6_addr[sizeof v6->sin6_addr - IPV4_SIZE], IPV4_SIZE);
    } else if (address->sa_family == AF_INET6) {
        ret_key[0] = AF_INET6;
        memcpy(ret_key + 1, v6->sin6_addr.s6_addr, IPV6_PREFIX);
    }
}

static struct chain *chain_of(struct lobby *lobby, const uint8_t key[LOBBY_KEY_SIZE])
{
    uint8_t text[SEED_SIZE + LOBBY_KEY_SIZE];
    uint32_t number;
    memcpy(text, lobby->seed, SEED_SIZE);
    memcpy(text + SEED_SIZE, key, LOBBY_KEY_SIZE);
    struct sha256 hash = sha256_of(bytes_of(text, sizeof text));
    memcpy(&number, hash.bytes, sizeof number);
    return &lobby->chains[number & (BUCKETS - 1)];
}

/* The address of that key, NULL when there is none. Those of the chain that are over are freed. */
static struct address *look_up(struct chain *chain, const uint8_t key[LOBBY_KEY_SIZE],
                               int64_t now_us)
{
    struct address *found = NULL;
    struct address *next = NULL;
    for (struct address *at = LIST_FIRST(chain); at != NULL; at = next) {
        next = LIST_NEXT(at, chain);
        if (memcmp(at->key, key, LOBBY_KEY_SIZE) == 0) {
            found = at;
        } else if (at->connections == 0 && at->paid_us <= now_us) {
            LIST_REMOVE(at, chain);
            free(at);
        }
    }
    return found;
}

static struct address *address_get(struct lobby *lobby, const struct sockaddr_storage *address,
                                   int64_t now_us)
{
    uint8_t key[LOBBY_KEY_SIZE];
    lobby_key((const struct sockaddr *)address, key);
    struct chain *chain = chain_of(lobby, key);
    struct address *found = look_up(chain, key, now_us);
    if (found != NULL)
        return found;
    found = calloc(1, sizeof *found);
    if (found == NULL)
        return NULL;
    memcpy(found->key, key, LOBBY_KEY_SIZE);
    TAILQ_INIT(&found->waiting);
    LIST_INSERT_HEAD(chain, found, chain);
    return found;
}

/* ---- guests ---- */

static struct guest *guest_of(struct lobby *lobby, int socket)
{
    return socket >= 0 && (size_t)socket < lobby->room ? lobby->guests[socket] : NULL;
}

static bool make_room(struct lobby *lobby, int socket)
{
    size_t room = lobby->room > 0 ? lobby->room : ROOM_FIRST;
    while (room <= (size_t)socket)
        room *= 2;
    if (room == lobby->room)
        return true;
    struct guest **grown = reallocarray(lobby->guests, room, sizeof(struct guest *));
    if (grown == NULL)
        return false;
    for (size_t i = lobby->room; i < room; i++)
        grown[i] = NULL;
    lobby->guests = grown;
    lobby->room = room;
    return true;
}

static void end_waiting(struct lobby *lobby, struct guest *guest)
{
    struct address *address = guest->address;
    TAILQ_REMOVE(&address->waiting, guest, place);
    if (TAILQ_EMPTY(&address->waiting))
        TAILQ_REMOVE(&lobby->turns, address, turn);
    lobby->waiting--;
}

static void end_shaking(struct lobby *lobby, struct guest *guest)
{
    TAILQ_REMOVE(&lobby->shaking, guest, place);
    guest->address->shaking--;
    guest->state = SETTLED;
    if (!TAILQ_EMPTY(&guest->address->waiting))
        (void)eventfd_write(lobby->wake, 1);
}

static void forget(struct lobby *lobby, struct guest *guest)
{
    if (guest->state == WAITING)
        end_waiting(lobby, guest);
    else if (guest->state == SHAKING)
        end_shaking(lobby, guest);
    if (!guest->is_greeted)
        lobby->newcomers--;
    guest->address->connections--;
    lobby->connections--;
    lobby->guests[guest->self.socket] = NULL;
    free(guest);
}

static enum lobby_refusal admit(struct lobby *lobby, const struct lobby_guest *self, int64_t now_ms)
{
    /* libmicrohttpd tells of no end when it could not even begin. */
    struct guest *stale = guest_of(lobby, self->socket);
    if (stale != NULL)
        forget(lobby, stale);
    if (lobby->connections >= lobby->options.connections)
        return LOBBY_FULL;
    struct address *address = address_get(lobby, &self->address, now_ms * US_PER_MS);
    if (address != NULL && address->connections >= lobby->options.per_address)
        return LOBBY_ADDRESS_FULL;
    struct guest *guest = address != NULL ? calloc(1, sizeof *guest) : NULL;
    if (guest == NULL || !make_room(lobby, self->socket)) {
        free(guest);
        return LOBBY_NO_MEMORY;
    }
    *guest = (struct guest){
        .self = *self, .address = address, .until_ms = now_ms + lobby->options.patience_ms};
    lobby->guests[self->socket] = guest;
    if (TAILQ_EMPTY(&address->waiting))
        TAILQ_INSERT_TAIL(&lobby->turns, address, turn);
    TAILQ_INSERT_TAIL(&address->waiting, guest, place);
    address->connections++;
    lobby->connections++;
    lobby->waiting++;
    lobby->newcomers++;
    return LOBBY_WELCOME;
}

enum lobby_refusal lobby_arrive(struct lobby *lobby, const struct lobby_guest *guest,
                                int64_t now_ms)
{
    (void)pthread_mutex_lock(&lobby->lock);
    enum lobby_refusal refusal = admit(lobby, guest, now_ms);
    (void)pthread_mutex_unlock(&lobby->lock);
    return refusal;
}

/* ---- turns ---- */

static void settle_old(struct lobby *lobby, int64_t now_ms)
{
    struct guest *oldest = NULL;
    while ((oldest = TAILQ_FIRST(&lobby->shaking)) != NULL && oldest->until_ms <= now_ms)
        end_shaking(lobby, oldest);
}

/* When the address may begin a handshake by its pace. */
static int64_t due_ms(const struct lobby *lobby, const struct address *address)
{
    return (address->paid_us - (LOBBY_BURST - 1) * lobby->cost_us + US_PER_MS - 1) / US_PER_MS;
}

static void begin(struct lobby *lobby, struct guest *guest, int64_t now_ms)
{
    struct address *address = guest->address;
    int64_t now_us = now_ms * US_PER_MS;
    end_waiting(lobby, guest);
    address->paid_us = (address->paid_us > now_us ? address->paid_us : now_us) + lobby->cost_us;
    address->shaking++;
    guest->state = SHAKING;
    guest->until_ms = now_ms + LOBBY_HANDSHAKE_MS;
    TAILQ_INSERT_TAIL(&lobby->shaking, guest, place);
}

/* Who may begin, NULL for nobody. */
static struct guest *choose(struct lobby *lobby, int64_t now_ms)
{
    struct address *address = NULL;
    TAILQ_FOREACH(address, &lobby->turns, turn)
    {
        if (address->shaking < LOBBY_AT_ONCE && due_ms(lobby, address) <= now_ms)
            return TAILQ_FIRST(&address->waiting);
    }
    return NULL;
}

bool lobby_next(struct lobby *lobby, int64_t now_ms, struct lobby_guest *ret_guest)
{
    eventfd_t unused = 0;
    (void)pthread_mutex_lock(&lobby->lock);
    (void)eventfd_read(lobby->wake, &unused);
    settle_old(lobby, now_ms);
    struct guest *guest = choose(lobby, now_ms);
    if (guest != NULL) {
        begin(lobby, guest, now_ms);
        *ret_guest = guest->self;
    }
    (void)pthread_mutex_unlock(&lobby->lock);
    return guest != NULL;
}

bool lobby_next_overdue(struct lobby *lobby, int64_t now_ms, struct lobby_guest *ret_guest)
{
    struct address *address = NULL;
    bool is_found = false;
    (void)pthread_mutex_lock(&lobby->lock);
    TAILQ_FOREACH(address, &lobby->turns, turn)
    {
        struct guest *oldest = TAILQ_FIRST(&address->waiting);
        is_found = oldest->until_ms <= now_ms;
        if (!is_found)
            continue;
        *ret_guest = oldest->self;
        forget(lobby, oldest);
        break;
    }
    (void)pthread_mutex_unlock(&lobby->lock);
    return is_found;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int lobby_pause_ms(struct lobby *lobby, int64_t now_ms)
{
    struct address *address = NULL;
    int64_t at_ms = INT64_MAX;
    (void)pthread_mutex_lock(&lobby->lock);
    TAILQ_FOREACH(address, &lobby->turns, turn)
    {
        at_ms = earlier(at_ms, TAILQ_FIRST(&address->waiting)->until_ms);
        if (address->shaking < LOBBY_AT_ONCE)
            at_ms = earlier(at_ms, due_ms(lobby, address));
    }
    if (!TAILQ_EMPTY(&lobby->turns) && !TAILQ_EMPTY(&lobby->shaking))
        at_ms = earlier(at_ms, TAILQ_FIRST(&lobby->shaking)->until_ms);
    (void)pthread_mutex_unlock(&lobby->lock);
    if (at_ms == INT64_MAX)
        return -1;
    return at_ms > now_ms ? (int)earlier(at_ms - now_ms, INT32_MAX) : 0;
}

int lobby_descriptor(const struct lobby *lobby)
{
    return lobby->wake;
}

/* ---- newcomers ---- */

void lobby_greet(struct lobby *lobby, int socket)
{
    (void)pthread_mutex_lock(&lobby->lock);
    struct guest *guest = guest_of(lobby, socket);
    if (guest != NULL && !guest->is_greeted) {
        guest->is_greeted = true;
        lobby->newcomers--;
    }
    (void)pthread_mutex_unlock(&lobby->lock);
}

unsigned lobby_newcomers(struct lobby *lobby)
{
    (void)pthread_mutex_lock(&lobby->lock);
    unsigned newcomers = lobby->newcomers;
    (void)pthread_mutex_unlock(&lobby->lock);
    return newcomers;
}

/* ---- ends ---- */

void lobby_settle(struct lobby *lobby, int socket)
{
    (void)pthread_mutex_lock(&lobby->lock);
    struct guest *guest = guest_of(lobby, socket);
    if (guest != NULL && guest->state == SHAKING)
        end_shaking(lobby, guest);
    (void)pthread_mutex_unlock(&lobby->lock);
}

void lobby_leave(struct lobby *lobby, int socket)
{
    (void)pthread_mutex_lock(&lobby->lock);
    struct guest *guest = guest_of(lobby, socket);
    if (guest != NULL)
        forget(lobby, guest);
    (void)pthread_mutex_unlock(&lobby->lock);
}

void lobby_dismiss(struct lobby *lobby)
{
    struct lobby_guest guest;
    while (lobby_next_overdue(lobby, INT64_MAX, &guest))
        (void)close(guest.socket);
}

unsigned lobby_waiting(struct lobby *lobby)
{
    (void)pthread_mutex_lock(&lobby->lock);
    unsigned waiting = lobby->waiting;
    (void)pthread_mutex_unlock(&lobby->lock);
    return waiting;
}

void lobby_free(struct lobby *lobby)
{
    struct address *address = NULL;
    if (lobby == NULL)
        return;
    for (size_t i = 0; i < lobby->room; i++)
        free(lobby->guests[i]);
    for (size_t i = 0; i < BUCKETS; i++) {
        while ((address = LIST_FIRST(&lobby->chains[i])) != NULL) {
            LIST_REMOVE(address, chain);
            free(address);
        }
    }
    free(lobby->guests);
    (void)close(lobby->wake);
    (void)pthread_mutex_destroy(&lobby->lock);
    free(lobby);
}
