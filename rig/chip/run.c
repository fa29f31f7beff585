/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The chip's life between power on and power off: boot, connections, commands. Owns the socket.
 * A programmer that goes away during an install is a reset, as if it had held the reset line.
 */
#include "rig/chip/run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "rig/chip/identity.h"
#include "rig/chip/install.h"

#define CHIP_FRAME_TIMEOUT_MS 2000 /* from a frame's first byte to its last */
#define CHIP_SEND_TIMEOUT_MS  2000
#define CHIP_BACKLOG          16

struct chip {
    struct chip_power power;
    struct chip_state state;
    struct chip_identity identity;
    struct chip_rom rom;
    struct chip_install *install;
    uint8_t note; /* 1: this boot erased an interrupted install */
    bool is_reset;
    int listener;
};

/* ---- commands ---- */

static struct chip_verdict refuse(enum chip_error error, const char *sentence)
{
    return (struct chip_verdict){.error = (uint8_t)error, .sentence = sentence};
}

static void answer(struct chip_frame *reply, struct bytes payload)
{
    reply->length = payload.length;
    if (payload.length > 0)
        memcpy(reply->payload, payload.data, payload.length);
}

static struct chip_verdict take_status(struct chip *chip, struct bytes payload,
                                       struct chip_frame *reply)
{
    const struct chip_record *record = &chip->state.record;
    uint8_t status[CHIP_STATUS_BYTES] = {(uint8_t)record->phase, chip->note,
                                         record->phase == CHIP_OPEN};
    (void)payload;
    memcpy(status + CHIP_STATUS_BYTES - CHIP_TAG_BYTES, record->tag, CHIP_TAG_BYTES);
    answer(reply, bytes_of(status, sizeof status));
    return CHIP_ACCEPTED;
}

static struct chip_verdict take_certificate(struct chip *chip, struct bytes payload,
                                            struct chip_frame *reply)
{
    (void)payload;
    answer(reply, bytes_of(chip->identity.certificate, CHIP_CERTIFICATE_BYTES));
    return CHIP_ACCEPTED;
}

static struct chip_verdict take_x509(struct chip *chip, struct bytes payload,
                                     struct chip_frame *reply)
{
    (void)payload;
    if (chip->identity.x509_length == 0)
        return refuse(CHIP_BAD_COMMAND, "This chip has no X.509 certificate.");
    answer(reply, bytes_of(chip->identity.x509, chip->identity.x509_length));
    return CHIP_ACCEPTED;
}

/* The debug port: the one way to look into flash. */
static struct chip_verdict take_read(struct chip *chip, struct bytes payload,
                                     struct chip_frame *reply)
{
    struct chip_place place;
    if (chip->state.record.phase != CHIP_OPEN)
        return refuse(CHIP_DEBUG_CLOSED, "The debug port is closed.");
    if (payload.length != CHIP_READ_REQUEST_BYTES)
        return refuse(CHIP_BAD_FRAME, "READ takes an address and a length.");
    uint16_t length = chip_get_u16(payload.data + 4);
    if (length > CHIP_PAYLOAD_MAX_BYTES)
        return refuse(CHIP_TOO_LARGE, "READ gives 4096 bytes at most.");
    if (length == 0 || !chip_place_find(chip_get_u32(payload.data), length, &place))
        return refuse(CHIP_ADDRESS, "There is no memory at this address.");
    reply->length = length;
    chip_state_read(&chip->state, place, reply->payload, length);
    return CHIP_ACCEPTED;
}

static struct chip_verdict take_reset(struct chip *chip, struct bytes payload,
                                      struct chip_frame *reply)
{
    (void)payload;
    (void)reply;
    chip->is_reset = true;
    return CHIP_ACCEPTED;
}

static struct chip_verdict take_install(struct chip *chip, const struct chip_frame *request)
{
    struct chip_verdict verdict = chip_install_take(chip->install, request->code,
                                                    bytes_of(request->payload, request->length));
    bool is_other_matter = verdict.error == CHIP_WRONG_PHASE;
    if (!is_other_matter)
        chip->note = 0;
    return verdict;
}

static struct chip_verdict take(struct chip *chip, const struct chip_frame *request,
                                struct chip_frame *reply)
{
    static struct chip_verdict (*const takers[])(struct chip *, struct bytes,
                                                 struct chip_frame *) = {
        [CHIP_STATUS] = take_status, [CHIP_CERTIFICATE] = take_certificate,
        [CHIP_READ] = take_read,     [CHIP_RESET] = take_reset,
        [CHIP_X509] = take_x509,
    };
    if (chip_install_knows(request->code))
        return take_install(chip, request);
    if (request->code >= sizeof takers / sizeof takers[0] || takers[request->code] == NULL)
        return refuse(CHIP_BAD_COMMAND, "There is no such command.");
    return takers[request->code](chip, bytes_of(request->payload, request->length), reply);
}

/* ---- one connection ---- */

static bool send_refusal(int link, struct chip_verdict verdict)
{
    uint8_t payload[1 + CHIP_SENTENCE_MAX_BYTES] = {verdict.error};
    size_t length = strnlen(verdict.sentence, CHIP_SENTENCE_MAX_BYTES);
    memcpy(payload + 1, verdict.sentence, length);
    return chip_link_send(link, CHIP_NACK, bytes_of(payload, 1 + length),
                          deadline_in(CHIP_SEND_TIMEOUT_MS)) == ERR_OK;
}

/* Bytes that are no frame: a serial line would be out of step now, so the connection ends. */
static void refuse_garbage(int link, enum error e)
{
    if (e == ERR_TOO_LARGE)
        (void)send_refusal(link, refuse(CHIP_TOO_LARGE, "A frame has 4096 bytes at most."));
    else if (e != ERR_LINK_CLOSED)
        (void)send_refusal(link, refuse(CHIP_BAD_FRAME, "This is no frame."));
}

/* One request and its reply. False when the connection is over. */
static bool serve_request(struct chip *chip, int link)
{
    struct chip_frame request;
    struct chip_frame reply = {.code = CHIP_ACK};
    enum error e = chip_link_receive(link, deadline_in(CHIP_FRAME_TIMEOUT_MS), &request);
    if (e != ERR_OK) {
        refuse_garbage(link, e);
        return false;
    }
    chip_power_step(&chip->power);
    if (chip->power.is_off)
        return false;
    struct chip_verdict verdict = take(chip, &request, &reply);
    if (!chip->power.is_off && verdict.error != 0)
        return send_refusal(link, verdict);
    chip_power_step(&chip->power);
    return !chip->power.is_off &&
           chip_link_send(link, CHIP_ACK, bytes_of(reply.payload, reply.length),
                          deadline_in(CHIP_SEND_TIMEOUT_MS)) == ERR_OK &&
           !chip->is_reset;
}

/* Waits until fd can be read. False when the process was told to stop. */
static bool wait_for(int fd, const sigset_t *while_waiting)
{
    for (;;) {
        struct pollfd entry = {.fd = fd, .events = POLLIN};
        int n = ppoll(&entry, 1, NULL, while_waiting);
        if (n > 0)
            return true;
        if (n < 0)
            return false;
    }
}

/* ---- boot and power ---- */

static void boot(struct chip *chip)
{
    do {
        chip->power.is_off = false;
        chip->is_reset = false;
        chip->note = chip_install_boot(chip->install) ? 1 : 0;
    } while (chip->power.is_off);
    printf("ready phase=%s note=%u\n", chip_phase_name((uint8_t)chip->state.record.phase),
           chip->note);
    (void)fflush(stdout);
}

static void print_steps(const struct chip *chip)
{
    printf("steps %lu\n", chip->power.steps);
    (void)fflush(stdout);
}

static bool serve_connection(struct chip *chip, int link, const sigset_t *while_waiting)
{
    bool is_running = true;
    while ((is_running = wait_for(link, while_waiting)) && serve_request(chip, link))
        continue;
    (void)close(link);
    print_steps(chip);
    return is_running;
}

static void serve(struct chip *chip, const sigset_t *while_waiting)
{
    bool is_running = true;
    while (is_running && wait_for(chip->listener, while_waiting)) {
        int link = accept4(chip->listener, NULL, NULL, SOCK_CLOEXEC);
        if (link < 0)
            continue;
        is_running = serve_connection(chip, link, while_waiting);
        bool is_lost = chip->state.record.phase == CHIP_INSTALLING;
        if (is_running && (is_lost || chip->is_reset || chip->power.is_off))
            boot(chip);
    }
    print_steps(chip);
}

static enum error open_socket(const char *path, int *ret_listener, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat info;
    if (strlen(path) >= sizeof address.sun_path)
        return fault_set(fault, ERR_CONFIG, "socket-path", "The socket's path is too long.", 0);
    strcpy(address.sun_path, path);
    if (lstat(path, &info) == 0 && S_ISSOCK(info.st_mode))
        (void)unlink(path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, CHIP_BACKLOG) != 0) {
        int native = errno;
        if (listener >= 0)
            (void)close(listener);
        return fault_set(fault, ERR_CONFIG, "socket", "The socket cannot be made.", native);
    }
    *ret_listener = listener;
    return ERR_OK;
}

static void on_stop(int number)
{
    (void)number; /* its arrival ends ppoll */
}

/* The stop signals arrive in ppoll only: never between two writes. */
static sigset_t hold_signals(void)
{
    sigset_t stop;
    sigset_t before;
    struct sigaction action = {.sa_handler = on_stop};
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGTERM);
    (void)sigaddset(&stop, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &stop, &before);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigdelset(&before, SIGTERM);
    (void)sigdelset(&before, SIGINT);
    return before;
}

static enum error run(struct chip *chip, const struct chip_setup *setup, struct fault *fault)
{
    sigset_t while_waiting = hold_signals();
    enum error e = chip_install_new(&chip->state, &chip->rom, chip->identity.pair, &chip->install);
    if (e == ERR_OK)
        e = open_socket(setup->socket, &chip->listener, fault);
    if (e != ERR_OK)
        return e;
    boot(chip);
    serve(chip, &while_waiting);
    (void)unlink(setup->socket);
    (void)close(chip->listener);
    return ERR_OK;
}

enum error chip_run(const struct chip_setup *setup, struct fault *fault)
{
    struct chip chip = {.power = setup->power, .rom = setup->rom};
    enum error e = chip_identity_load(setup->folder, &chip.identity, fault);
    if (e != ERR_OK)
        return e;
    e = chip_state_open(setup->folder, &chip.power, true, &chip.state, fault);
    if (e == ERR_OK) {
        chip.state.is_worn = setup->is_worn;
        chip.state.worn = setup->worn;
        e = run(&chip, setup, fault);
        chip_state_close(&chip.state);
    }
    chip_install_free(chip.install);
    chip_identity_clear(&chip.identity);
    return e;
}
