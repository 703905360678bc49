# What only the package has: copyright, changelog, compressed manual pages. Runs in CPack, after the ordinary installation.
set(usr "${CMAKE_INSTALL_PREFIX}")
set(doc "${usr}/share/doc/attest-provider")
file(INSTALL "${CPACK_ATTEST_DEBIAN}/copyright" DESTINATION "${doc}" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
file(INSTALL "${CPACK_ATTEST_DEBIAN}/lintian-overrides" DESTINATION "${usr}/share/lintian/overrides" RENAME attest-provider
  PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
configure_file("${CPACK_ATTEST_DEBIAN}/changelog.in" "${doc}/changelog" @ONLY)
file(GLOB pages "${usr}/share/man/man*/*.[1-8]")
execute_process(COMMAND gzip -9nf ${pages} "${doc}/changelog" COMMAND_ERROR_IS_FATAL ANY)
