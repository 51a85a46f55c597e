"""The Native API of NT by its own names: ``NtCreateEvent``, ``NtWaitForSingleObject`` and the others.

Each call returns an :class:`~ntipc.ntdll.statuses.NTSTATUS`, or a named tuple that begins with one and goes on with
what the call gives back. Names, argument orders, codes and structures are here; the behaviour is that of the library,
so an event made by one call is the ``ntipc.Event`` of that name. C's out parameters are results, not arguments.

    >>> from ntipc.ntdll import *
    >>> status, handle = NtCreateEvent(EVENT_ALL_ACCESS, None, SynchronizationEvent, True)
    >>> NtWaitForSingleObject(handle, False, None), NtWaitForSingleObject(handle, False, 0)
    (STATUS_SUCCESS, STATUS_TIMEOUT)
    >>> NtClose(handle)
    STATUS_SUCCESS
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ntipc.ntdll.apcs import *  # noqa: F403
    from ntipc.ntdll.attributes import *  # noqa: F403
    from ntipc.ntdll.channels import *  # noqa: F403
    from ntipc.ntdll.directories import *  # noqa: F403
    from ntipc.ntdll.event_pairs import *  # noqa: F403
    from ntipc.ntdll.events import *  # noqa: F403
    from ntipc.ntdll.file_information import *  # noqa: F403
    from ntipc.ntdll.files import *  # noqa: F403
    from ntipc.ntdll.images import *  # noqa: F403
    from ntipc.ntdll.mailslots import *  # noqa: F403
    from ntipc.ntdll.mutants import *  # noqa: F403
    from ntipc.ntdll.objects import *  # noqa: F403
    from ntipc.ntdll.permanent import *  # noqa: F403
    from ntipc.ntdll.pipes import *  # noqa: F403
    from ntipc.ntdll.port_messages import *  # noqa: F403
    from ntipc.ntdll.port_requests import *  # noqa: F403
    from ntipc.ntdll.port_terminations import *  # noqa: F403
    from ntipc.ntdll.ports import *  # noqa: F403
    from ntipc.ntdll.processes import *  # noqa: F403
    from ntipc.ntdll.results import *  # noqa: F403
    from ntipc.ntdll.rights import *  # noqa: F403
    from ntipc.ntdll.sections import *  # noqa: F403
    from ntipc.ntdll.semaphores import *  # noqa: F403
    from ntipc.ntdll.statuses import *  # noqa: F403
    from ntipc.ntdll.timers import *  # noqa: F403
    from ntipc.ntdll.times import *  # noqa: F403
    from ntipc.ntdll.transfers import *  # noqa: F403
    from ntipc.ntdll.waits import *  # noqa: F403

_NAMES_OF = {
    "statuses": "NTSTATUS NT_SUCCESS RtlNtStatusToDosError",
    "results": "HandleResult PreviousState",
    "attributes": (
        "InitializeObjectAttributes OBJECT_ATTRIBUTES OBJ_CASE_INSENSITIVE OBJ_EXCLUSIVE OBJ_INHERIT OBJ_OPENIF "
        "OBJ_OPENLINK OBJ_PERMANENT"
    ),
    "rights": (
        "DELETE DIRECTORY_ALL_ACCESS DIRECTORY_CREATE_OBJECT DIRECTORY_CREATE_SUBDIRECTORY DIRECTORY_QUERY "
        "DIRECTORY_TRAVERSE EVENT_ALL_ACCESS EVENT_MODIFY_STATE EVENT_PAIR_ALL_ACCESS EVENT_QUERY_STATE "
        "GENERIC_ALL GENERIC_EXECUTE GENERIC_READ GENERIC_WRITE MAXIMUM_ALLOWED MUTANT_ALL_ACCESS "
        "MUTANT_QUERY_STATE READ_CONTROL SECTION_ALL_ACCESS SECTION_EXTEND_SIZE SECTION_MAP_EXECUTE "
        "SECTION_MAP_READ SECTION_MAP_WRITE SECTION_QUERY SEMAPHORE_ALL_ACCESS SEMAPHORE_MODIFY_STATE "
        "SEMAPHORE_QUERY_STATE STANDARD_RIGHTS_REQUIRED SYMBOLIC_LINK_ALL_ACCESS SYMBOLIC_LINK_QUERY SYNCHRONIZE "
        "TIMER_ALL_ACCESS TIMER_MODIFY_STATE TIMER_QUERY_STATE WRITE_DAC WRITE_OWNER"
    ),
    "times": "NtQuerySystemTime",
    "events": (
        "EventBasicInformation EventBasicInformationClass NotificationEvent NtClearEvent NtCreateEvent NtOpenEvent "
        "NtPulseEvent NtQueryEvent NtResetEvent NtSetEvent SynchronizationEvent"
    ),
    "semaphores": "NtCreateSemaphore NtOpenSemaphore NtQuerySemaphore NtReleaseSemaphore SemaphoreBasicInformation",
    "mutants": (
        "MutantBasicInformation MutantBasicInformationClass MutantOwnerInformation MutantOwnerInformationClass "
        "NtCreateMutant NtOpenMutant NtQueryMutant NtReleaseMutant"
    ),
    "timers": (
        "NotificationTimer NtCancelTimer NtCreateTimer NtOpenTimer NtQueryTimer NtSetTimer SynchronizationTimer "
        "TimerBasicInformation"
    ),
    "event_pairs": (
        "NtCreateEventPair NtOpenEventPair NtSetHighEventPair NtSetHighWaitLowEventPair NtSetLowEventPair "
        "NtSetLowWaitHighEventPair NtWaitHighEventPair NtWaitLowEventPair"
    ),
    "waits": (
        "MAXIMUM_WAIT_OBJECTS NtDelayExecution NtSignalAndWaitForSingleObject NtWaitForMultipleObjects "
        "NtWaitForSingleObject NtYieldExecution WaitAll WaitAny"
    ),
    "apcs": "NtAlertThread NtCurrentProcess NtCurrentThread NtOpenThread NtQueueApcThread NtTestAlert",
    "objects": (
        "DUPLICATE_CLOSE_SOURCE DUPLICATE_SAME_ACCESS DUPLICATE_SAME_ATTRIBUTES NtClose NtCompareObjects "
        "NtDuplicateObject NtQueryObject NtSetInformationObject OBJ_PROTECT_CLOSE ObjectBasicInformation "
        "ObjectHandleFlagInformation ObjectHandleFlags ObjectNameInformation ObjectTypeInformation "
        "PublicObjectBasicInformation"
    ),
    "directories": (
        "NtCreateDirectoryObject NtCreateSymbolicLinkObject NtOpenDirectoryObject NtOpenSymbolicLinkObject "
        "NtQueryDirectoryObject NtQuerySymbolicLinkObject"
    ),
    "permanent": "NtMakePermanentObject NtMakeTemporaryObject",
    "sections": (
        "ImageView NtCreateSection NtExtendSection NtMapViewOfSection NtOpenSection NtQuerySection "
        "NtUnmapViewOfSection RemoteView SEC_BASED SEC_COMMIT SEC_FILE SEC_IMAGE SEC_NOCACHE SEC_RESERVE "
        "SectionBasicInformation SectionBasicInformationClass SectionImageInformation SectionImageInformationClass "
        "ViewResult ViewShare ViewUnmap"
    ),
    "virtual_memory": (
        "Allocated MEM_COMMIT MEM_DECOMMIT MEM_FREE MEM_IMAGE MEM_MAPPED MEM_PRIVATE MEM_RELEASE MEM_RESERVE "
        "MEM_TOP_DOWN "
        "MemoryBasicInformation MemoryBasicInformationClass NtAllocateVirtualMemory NtFlushVirtualMemory "
        "NtFreeVirtualMemory NtProtectVirtualMemory NtQueryVirtualMemory NtReadVirtualMemory NtWriteVirtualMemory "
        "PAGE_EXECUTE PAGE_EXECUTE_READ PAGE_EXECUTE_READWRITE PAGE_EXECUTE_WRITECOPY PAGE_NOACCESS PAGE_READONLY "
        "PAGE_READWRITE PAGE_WRITECOPY Protected Transferred"
    ),
    "images": "IMAGE_SCN_CNT_CODE IMAGE_SCN_MEM_EXECUTE IMAGE_SCN_MEM_READ IMAGE_SCN_MEM_WRITE",
    "transfers": "FILE_CREATED FILE_OPENED FILE_OVERWRITTEN FILE_SUPERSEDED FileResult IO_STATUS_BLOCK",
    "files": (
        "FILE_APPEND_DATA FILE_CREATE FILE_DELETE_ON_CLOSE FILE_GENERIC_READ FILE_GENERIC_WRITE FILE_OPEN "
        "FILE_OPEN_IF FILE_OVERWRITE FILE_OVERWRITE_IF FILE_READ_ATTRIBUTES FILE_READ_DATA FILE_SHARE_DELETE "
        "FILE_SHARE_READ FILE_SHARE_WRITE FILE_SUPERSEDE FILE_SYNCHRONOUS_IO_ALERT FILE_SYNCHRONOUS_IO_NONALERT "
        "FILE_WRITE_ATTRIBUTES FILE_WRITE_DATA NtCancelIoFile NtCancelSynchronousIoFile NtCreateFile "
        "NtFlushBuffersFile NtOpenFile "
        "NtReadFile NtWriteFile"
    ),
    "pipes": (
        "FILE_PIPE_BYTE_STREAM_MODE FILE_PIPE_BYTE_STREAM_TYPE FILE_PIPE_CLOSING_STATE "
        "FILE_PIPE_COMPLETE_OPERATION FILE_PIPE_CONNECTED_STATE FILE_PIPE_DISCONNECTED_STATE "
        "FILE_PIPE_LISTENING_STATE FILE_PIPE_MESSAGE_MODE FILE_PIPE_MESSAGE_TYPE FILE_PIPE_QUEUE_OPERATION "
        "FILE_PIPE_UNLIMITED_INSTANCES FILE_PIPE_WAIT_FOR_BUFFER FSCTL_PIPE_DISCONNECT FSCTL_PIPE_IMPERSONATE "
        "FSCTL_PIPE_LISTEN FSCTL_PIPE_PEEK FSCTL_PIPE_TRANSCEIVE FSCTL_PIPE_WAIT NtCreateNamedPipeFile "
        "NtFsControlFile"
    ),
    "file_information": (
        "FILE_PIPE_CLIENT_END FILE_PIPE_FULL_DUPLEX FILE_PIPE_INBOUND FILE_PIPE_OUTBOUND FILE_PIPE_SERVER_END "
        "FileAccess FileAccessInformation FileName FileNameInformation "
        "FileMailslotQuery FileMailslotQueryInformation FileMailslotSetInformation FilePipeInformation "
        "FilePipeLocal FilePipeLocalInformation FilePipeModes FileStandard FileStandardInformation "
        "MAILSLOT_NO_MESSAGE NtQueryInformationFile NtSetInformationFile"
    ),
    "mailslots": "NtCreateMailslotFile",
    "processes": (
        "NtOpenProcess NtQueryInformationProcess NtTerminateProcess PROCESS_ALL_ACCESS PROCESS_CREATE_THREAD "
        "PROCESS_DUP_HANDLE PROCESS_QUERY_INFORMATION PROCESS_TERMINATE PROCESS_VM_OPERATION PROCESS_VM_READ "
        "PROCESS_VM_WRITE ProcessBasicInformation"
    ),
    "ports": (
        "NtAcceptConnectPort NtCompleteConnectPort NtConnectPort NtCreatePort NtCreateWaitablePort "
        "NtImpersonateClientOfPort NtListenPort NtQueryInformationPort NtReplyPort NtReplyWaitReceivePort "
        "NtReplyWaitReceivePortEx NtRequestPort NtSecureConnectPort"
    ),
    "port_requests": "NtReplyWaitReplyPort NtRequestWaitReplyPort",
    "port_terminations": "NtRegisterThreadTerminatePort",
    "port_messages": (
        "CLIENT_ID ConnectResult LARGEST_CONNECTION_INFORMATION LARGEST_MESSAGE LPC_CLIENT_DIED "
        "LPC_CONNECTION_REQUEST LPC_DATAGRAM LPC_DEBUG_EVENT LPC_ERROR_EVENT LPC_EXCEPTION LPC_LOST_REPLY "
        "LPC_PORT_CLOSED LPC_REPLY LPC_REQUEST MessageResult PORT_MESSAGE"
    ),
    "channels": "NtListenChannel NtOpenChannel NtReplyWaitSendChannel NtSendWaitReplyChannel NtSetContextChannel",
}
"""Names by the modules in which they are; each module is imported when one of its names is first asked for."""

_MODULE_OF = {name: module for module, names in _NAMES_OF.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__all__":
        statuses = import_module("ntipc.ntdll.statuses")
        return sorted([*_MODULE_OF, *(status for status in vars(statuses) if status.startswith("STATUS_"))])
    module = "statuses" if name.startswith("STATUS_") else _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"ntipc.ntdll.{module}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})
