/* doctor_sources.c - programs that apps which follow a source need (docs/gitops-sources.md). A host
 * that follows none needs none: nothing of this counts as missing.
 */
#include <pwd.h>

#include "base/str.h"
#include "drivers/doctor.h"

#define GIT_USER "wcompose-git"

/* Where the jail looks for them, whatever PATH says. */
#define AT(name)                                                                                   \
    {                                                                                              \
        "/usr/bin/" name, "/bin/" name, "/usr/local/bin/" name, NULL                               \
    }

static const struct {
    const char *what, *without, *fix;
    const char *candidates[4];
} programs[] = {
    { "git", "not installed: git sources can't be followed", "sudo apt-get install git",
      AT("git") },
    { "ssh", "not installed: nor git sources by ssh", "sudo apt-get install openssh-client",
      AT("ssh") },
    { "ssh signatures", "ssh-keygen is not installed: they can't be verified",
      "sudo apt-get install openssh-client", AT("ssh-keygen") },
    { "OpenPGP signatures", "gpg is not installed: they can't be verified",
      "sudo apt-get install gpg", AT("gpg") },
    { "archives", "curl is not installed: they, and notifications by URL, can't be had",
      "sudo apt-get install curl", AT("curl") },
    { "unpacking", "tar is not installed: archives can't be unpacked", "sudo apt-get install tar",
      AT("tar") },
};

static void look_for_user(struct wc_doctor *doctor)
{
    bool is_there = getpwnam(GIT_USER) != NULL;
    wc_doctor_add(
        doctor,
        &(struct wc_doctor_row){
            .state = is_there ? WC_DOCTOR_GOOD : WC_DOCTOR_POOR,
            .what = "user of their own",
            .found = is_there ? GIT_USER : "none: they run as nobody, as others may",
            .fix = is_there ? NULL : "sudo adduser --system --no-create-home --group " GIT_USER });
}

void wc_doctor_sources(struct wc_doctor *doctor)
{
    for (size_t i = 0; i < WC_COUNT(programs); i++) {
        const struct wc_doctor_program program = { .absent = WC_DOCTOR_POOR,
                                                   .what = programs[i].what,
                                                   .without = programs[i].without,
                                                   .fix = programs[i].fix,
                                                   .candidates = programs[i].candidates };
        wc_doctor_program(doctor, &program);
    }
    look_for_user(doctor);
}
