/* bcryptprimitives.dll: Wine 8 has none, and the Go runtime asks it for random
 * numbers before main. RtlGenRandom, exported as SystemFunction036, is there. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length) {
	return SystemFunction036(buffer, (ULONG)length);
}
