/* test_vm.c - x-wcompose.vm: what a service says, what the top level says for it, and where. */
#include "spec_box.h"

#include "base/buf.h"

static const char text[] = "name: t\n"
                           "x-wcompose:\n"
                           "  vm: {accel: kvm, memory: 1g}\n"
                           "services:\n"
                           "  db:\n"
                           "    image: x\n"
                           "    x-wcompose:\n"
                           "      vm: {memory: 192m, cpus: 2, template: true, disk: 1g}\n"
                           "  web: {image: x}\n";

static void assert_place(struct wc_loc at, unsigned line, unsigned col)
{
    assert_int_equal(at.line, line);
    assert_int_equal(at.col, col);
}

static void assert_db(const struct wc_vm_options *vm)
{
    assert_int_equal(vm->accel, WC_VM_ACCEL_KVM);
    assert_int_equal(vm->memory_bytes, 192 << 20);
    assert_int_equal(vm->disk_bytes, 1 << 30);
    assert_int_equal(vm->cpus, 2);
    assert_int_equal(vm->use_template, WC_TRI_TRUE);
    assert_null(vm->kernel);
    assert_place(vm->at, 8, 7);
    assert_place(vm->key_at[WC_VM_ACCEL], 3, 15);
    assert_place(vm->key_at[WC_VM_MEMORY], 8, 20);
    assert_place(vm->key_at[WC_VM_KERNEL], 0, 0);
    assert_place(vm->key_at[WC_VM_TEMPLATE], 8, 45);
}

static void inherits_by_member(void **state)
{
    (void)state;
    struct box box;
    const struct wc_service *web = box_service(&box, text, "web");
    assert_db(&wc_project_service(box.project, "db")->vm);
    assert_int_equal(web->vm.accel, WC_VM_ACCEL_KVM);
    assert_int_equal(web->vm.memory_bytes, 1 << 30);
    assert_int_equal(web->vm.cpus, WC_UNSET);
    assert_int_equal(web->vm.use_template, WC_TRI_UNSET);
    assert_place(web->vm.at, 3, 3);
    assert_place(web->vm.key_at[WC_VM_MEMORY], 3, 28);
    box_free(&box);
}

static void nothing_said(void **state)
{
    (void)state;
    struct box box;
    const struct wc_service *web =
        box_service(&box, "name: t\nservices: {web: {image: x}}\n", "web");
    assert_int_equal(web->vm.accel, WC_VM_ACCEL_AUTO);
    assert_int_equal(web->vm.memory_bytes, WC_UNSET);
    assert_int_equal(web->vm.disk_bytes, WC_UNSET);
    assert_int_equal(web->vm.use_template, WC_TRI_UNSET);
    assert_place(web->vm.at, 0, 0);
    box_free(&box);
}

static void places_outlast_the_wire(void **state)
{
    (void)state;
    struct box box;
    WC_CLEANUP_BUF struct wc_buf wire = WC_BUF_INIT;
    const struct wc_service *db = box_service(&box, text, "db");
    wc_spec_render_wire(box.project, &wire);
    const struct wc_spec_options options = {
        .cwd = "/", .canonical = true, .text = wire.data, .text_len = wire.len
    };
    struct wc_project *again = NULL;
    assert_int_equal(wc_spec_load(&options, &box.arena, &box.diags, &again), 0);
    assert_db(&wc_project_service(again, "db")->vm);
    assert_string_equal(wc_project_service(again, "db")->spec_hash, db->spec_hash);
    box_free(&box);
}

static void names_and_paths_of_kernels(void **state)
{
    (void)state;
    static const struct {
        const char *written, *kernel;
    } rows[] = {
        { "trim-6.1", "trim-6.1" },
        { "./a/vmlinuz", "/nonexistent/box/a/vmlinuz" },
        { "../vmlinuz", "/nonexistent/vmlinuz" },
        { "/boot/vmlinuz", "/boot/vmlinuz" },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct box box;
        char file[256];
        snprintf(file, sizeof file, "name: t\nx-wcompose: {vm: {kernel: %s}}\n%s", rows[i].written,
                 "services: {web: {image: x}}\n");
        assert_string_equal(box_service(&box, file, "web")->vm.kernel, rows[i].kernel);
        box_free(&box);
    }
}

WC_MAIN(WC_CASE(inherits_by_member), WC_CASE(nothing_said), WC_CASE(places_outlast_the_wire),
        WC_CASE(names_and_paths_of_kernels))
