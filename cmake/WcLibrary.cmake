# libwcompose, static and shared: lib/ over the pure rooms. Third-party libraries are linked dynamically here whatever the
# program does: whoever embeds the library brings them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
file(GLOB lib_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/lib/*.c)
set(lib_objects $<TARGET_OBJECTS:wc_spec> $<TARGET_OBJECTS:wc_core> $<TARGET_OBJECTS:wc_base>)
set(lib_needs yaml cjson crypto m)

add_library(wc_lib OBJECT ${lib_sources})
target_include_directories(wc_lib PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include)
foreach(kind SHARED STATIC)
    string(TOLOWER ${kind} name)
    add_library(wcompose_${name} ${kind} $<TARGET_OBJECTS:wc_lib> ${lib_objects})
    set_target_properties(wcompose_${name} PROPERTIES OUTPUT_NAME wcompose LINKER_LANGUAGE C
        ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR} LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
    target_include_directories(wcompose_${name} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()
set_target_properties(wcompose_shared PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
    LINK_DEPENDS ${CMAKE_SOURCE_DIR}/lib/wcompose.map EXPORT_NAME wcompose)
target_link_options(wcompose_shared PRIVATE -Wl,--version-script=${CMAKE_SOURCE_DIR}/lib/wcompose.map -Wl,--gc-sections)
if(NOT WC_SANITIZE) # whose runtime is in the program
    target_link_options(wcompose_shared PRIVATE -Wl,--no-undefined)
endif()
target_link_libraries(wcompose_shared PRIVATE ${lib_needs})
target_link_libraries(wcompose_static INTERFACE ${lib_needs})

file(RELATIVE_PATH pc_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /) # wherever --prefix puts it
configure_file(lib/wcompose.pc.in ${CMAKE_BINARY_DIR}/wcompose.pc @ONLY)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/wcompose-config-version.cmake COMPATIBILITY SameMinorVersion)
install(TARGETS wcompose_shared wcompose_static EXPORT wcompose COMPONENT library)
install(FILES include/wcompose/wcompose.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/wcompose COMPONENT library)
install(FILES ${CMAKE_BINARY_DIR}/wcompose.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT library)
install(EXPORT wcompose NAMESPACE wcompose:: FILE wcompose-config.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/wcompose COMPONENT library)
install(FILES ${CMAKE_BINARY_DIR}/wcompose-config-version.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/wcompose COMPONENT library)
