# What a foreign program needs to be instrumented: cmake --install BUILD --component instrument --prefix DIR, then
# find_package(Fanlight) and Fanlight::fanlight, or pkg-config fanlight.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(where ${CMAKE_INSTALL_LIBDIR}/cmake/Fanlight)
set_target_properties(fanlight_inprocess PROPERTIES OUTPUT_NAME fanlight EXPORT_NAME fanlight)
target_include_directories(fanlight_inprocess INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
                                                        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/fanlight>)
target_compile_features(fanlight_inprocess INTERFACE $<INSTALL_INTERFACE:cxx_std_20>)
install(TARGETS fanlight_inprocess EXPORT FanlightTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT instrument)
install(DIRECTORY include/fanlight DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT instrument)
install(FILES inprocess.hpp layout.h events_layout.h map_op.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/fanlight/collector/inprocess
        COMPONENT instrument)
install(EXPORT FanlightTargets NAMESPACE Fanlight:: DESTINATION ${where} COMPONENT instrument)
configure_package_config_file(cmake/FanlightConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/FanlightConfig.cmake INSTALL_DESTINATION ${where})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/FanlightConfigVersion.cmake COMPATIBILITY SameMinorVersion)
# Relative to where it lies, so that an installed tree may be moved, or have been given its place by --prefix.
file(RELATIVE_PATH to_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/fanlight.pc.in ${CMAKE_CURRENT_BINARY_DIR}/fanlight.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/FanlightConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/FanlightConfigVersion.cmake
        DESTINATION ${where} COMPONENT instrument)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/fanlight.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT instrument)
