"""What the specifications fix for x86-64: sizes and offsets of structures, values of enums and constants.

Sources: the headers of OpenSAF 5.18.06 (src/ais/include: CLM B.04.01, CKPT B.02.02, and what it proposes, EVT B.03.01,
AMF B.04.01), those of openais 0.80.6 (evs.h too) and 1.1.4 (B.01.01), and the ctypes declarations of OpenSAF (pyosaf).
Whatever of this table is in them agrees, but for the SaCkptCheckpointDescriptorT of openais, which is that of B.01.01.
"""

from __future__ import annotations

from typing import Final

Layout = tuple[int, dict[str, int]]
"""The size of a structure, and the offsets of its fields."""

LAYOUTS: Final[dict[str, dict[str, Layout]]] = {
    "saAis.h": {
        "SaInt8T": (1, {}),
        "SaUint8T": (1, {}),
        "SaInt16T": (2, {}),
        "SaUint16T": (2, {}),
        "SaInt32T": (4, {}),
        "SaUint32T": (4, {}),
        "SaInt64T": (8, {}),
        "SaUint64T": (8, {}),
        "SaFloatT": (4, {}),
        "SaDoubleT": (8, {}),
        "SaStringT": (8, {}),
        "SaBoolT": (4, {}),
        "SaSizeT": (8, {}),
        "SaOffsetT": (8, {}),
        "SaTimeT": (8, {}),
        "SaInvocationT": (8, {}),
        "SaSelectionObjectT": (8, {}),
        "SaNameT": (258, {"length": 0, "value": 2}),
        "SaVersionT": (3, {"releaseCode": 0, "majorVersion": 1, "minorVersion": 2}),
        "SaAnyT": (16, {"bufferSize": 0, "bufferAddr": 8}),
        "SaLimitValueT": (8, {"int64Value": 0, "uint64Value": 0, "timeValue": 0, "floatValue": 0, "doubleValue": 0}),
        "SaDispatchFlagsT": (4, {}),
        "SaAisErrorT": (4, {}),
    },
    "saNtf.h": {
        "SaNtfIdentifierT": (8, {}),
        "SaNtfCorrelationIdsT": (24, {"rootCorrelationId": 0, "parentCorrelationId": 8, "notificationId": 16}),
    },
    "saClm.h": {
        "SaClmHandleT": (8, {}),
        "SaClmNodeIdT": (4, {}),
        "SaClmNodeAddressT": (72, {"family": 0, "length": 4, "value": 6}),
        "SaClmClusterNodeT": (
            360,
            {
                "nodeId": 0,
                "nodeAddress": 4,
                "nodeName": 76,
                "member": 336,
                "bootTimestamp": 344,
                "initialViewNumber": 352,
            },
        ),
        "SaClmClusterNotificationT": (368, {"clusterNode": 0, "clusterChange": 360}),
        "SaClmClusterNotificationBufferT": (24, {"viewNumber": 0, "numberOfItems": 8, "notification": 16}),
        "SaClmCallbacksT": (16, {"saClmClusterNodeGetCallback": 0, "saClmClusterTrackCallback": 8}),
        "SaClmCallbacksT_3": (
            24,
            {
                "saClmClusterNodeGetCallback": 0,
                "saClmClusterTrackCallback": 8,
                "saClmClusterNodeEvictionCallback": 16,
            },
        ),
        "SaClmClusterNodeT_4": (
            616,
            {
                "nodeId": 0,
                "nodeAddress": 4,
                "nodeName": 76,
                "executionEnvironment": 334,
                "member": 592,
                "bootTimestamp": 600,
                "initialViewNumber": 608,
            },
        ),
        "SaClmClusterNotificationT_4": (624, {"clusterNode": 0, "clusterChange": 616}),
        "SaClmClusterNotificationBufferT_4": (24, {"viewNumber": 0, "numberOfItems": 8, "notification": 16}),
        "SaClmCallbacksT_4": (16, {"saClmClusterNodeGetCallback": 0, "saClmClusterTrackCallback": 8}),
    },
    "saAmf.h": {
        "SaAmfHandleT": (8, {}),
        "SaAmfPmErrorsT": (4, {}),
        "SaAmfCSIFlagsT": (4, {}),
        "SaAmfHealthcheckKeyT": (34, {"key": 0, "keyLen": 32}),
        "SaAmfCSIActiveDescriptorT": (264, {"transitionDescriptor": 0, "activeCompName": 4}),
        "SaAmfCSIStandbyDescriptorT": (264, {"activeCompName": 0, "standbyRank": 260}),
        "SaAmfCSIStateDescriptorT": (264, {"activeDescriptor": 0, "standbyDescriptor": 0}),
        "SaAmfCSIAttributeT": (16, {"attrName": 0, "attrValue": 8}),
        "SaAmfCSIAttributeListT": (16, {"attr": 0, "number": 8}),
        "SaAmfCSIDescriptorT": (544, {"csiFlags": 0, "csiName": 4, "csiStateDescriptor": 264, "csiAttr": 528}),
        "SaAmfProtectionGroupMemberT": (268, {"compName": 0, "haState": 260, "rank": 264}),
        "SaAmfProtectionGroupNotificationT": (272, {"member": 0, "change": 268}),
        "SaAmfProtectionGroupNotificationBufferT": (16, {"numberOfItems": 0, "notification": 8}),
        "SaAmfProtectionGroupMemberT_4": (272, {"compName": 0, "haState": 260, "haReadinessState": 264, "rank": 268}),
        "SaAmfProtectionGroupNotificationT_4": (276, {"member": 0, "change": 272}),
        "SaAmfProtectionGroupNotificationBufferT_4": (16, {"numberOfItems": 0, "notification": 8}),
        "SaAmfCallbacksT_3": (
            72,
            {
                "saAmfHealthcheckCallback": 0,
                "saAmfProtectionGroupTrackCallback": 32,
                "saAmfContainedComponentInstantiateCallback": 56,
                "saAmfContainedComponentCleanupCallback": 64,
            },
        ),
        "SaAmfCallbacksT_4": (
            72,
            {
                "saAmfHealthcheckCallback": 0,
                "saAmfProtectionGroupTrackCallback": 32,
                "saAmfContainedComponentInstantiateCallback": 56,
                "saAmfContainedComponentCleanupCallback": 64,
            },
        ),
        "SaAmfCallbacksT": (
            56,
            {
                "saAmfHealthcheckCallback": 0,
                "saAmfComponentTerminateCallback": 8,
                "saAmfCSISetCallback": 16,
                "saAmfCSIRemoveCallback": 24,
                "saAmfProtectionGroupTrackCallback": 32,
                "saAmfProxiedComponentInstantiateCallback": 40,
                "saAmfProxiedComponentCleanupCallback": 48,
            },
        ),
    },
    "saEvt.h": {
        "SaEvtHandleT": (8, {}),
        "SaEvtEventHandleT": (8, {}),
        "SaEvtChannelHandleT": (8, {}),
        "SaEvtSubscriptionIdT": (4, {}),
        "SaEvtChannelOpenFlagsT": (1, {}),
        "SaEvtEventPriorityT": (1, {}),
        "SaEvtEventIdT": (8, {}),
        "SaEvtCallbacksT": (16, {"saEvtChannelOpenCallback": 0, "saEvtEventDeliverCallback": 8}),
        "SaEvtEventPatternT": (24, {"allocatedSize": 0, "patternSize": 8, "pattern": 16}),
        "SaEvtEventPatternArrayT": (24, {"allocatedNumber": 0, "patternsNumber": 8, "patterns": 16}),
        "SaEvtEventFilterT": (32, {"filterType": 0, "filter": 8}),
        "SaEvtEventFilterArrayT": (16, {"filtersNumber": 0, "filters": 8}),
    },
    "saCkpt.h": {
        "SaCkptHandleT": (8, {}),
        "SaCkptCheckpointHandleT": (8, {}),
        "SaCkptSectionIterationHandleT": (8, {}),
        "SaCkptCheckpointCreationFlagsT": (4, {}),
        "SaCkptCheckpointOpenFlagsT": (4, {}),
        "SaCkptCheckpointCreationAttributesT": (
            48,
            {
                "creationFlags": 0,
                "checkpointSize": 8,
                "retentionDuration": 16,
                "maxSections": 24,
                "maxSectionSize": 32,
                "maxSectionIdSize": 40,
            },
        ),
        "SaCkptSectionIdT": (16, {"idLen": 0, "id": 8}),
        "SaCkptSectionCreationAttributesT": (16, {"sectionId": 0, "expirationTime": 8}),
        "SaCkptSectionDescriptorT": (
            48,
            {"sectionId": 0, "expirationTime": 16, "sectionSize": 24, "sectionState": 32, "lastUpdate": 40},
        ),
        "SaCkptIOVectorElementT": (
            48,
            {"sectionId": 0, "dataBuffer": 16, "dataSize": 24, "dataOffset": 32, "readSize": 40},
        ),
        "SaCkptCheckpointDescriptorT": (
            64,
            {"checkpointCreationAttributes": 0, "numberOfSections": 48, "memoryUsed": 56},
        ),
        "SaCkptCallbacksT": (16, {"saCkptCheckpointOpenCallback": 0, "saCkptCheckpointSynchronizeCallback": 8}),
        "SaCkptCallbacksT_2": (
            24,
            {
                "saCkptCheckpointOpenCallback": 0,
                "saCkptCheckpointSynchronizeCallback": 8,
                "saCkptCheckpointTrackCallback": 16,
            },
        ),
    },
    "evs.h": {
        "evs_handle_t": (8, {}),
        "evs_guarantee_t": (4, {}),
        "evs_dispatch_t": (4, {}),
        "evs_error_t": (4, {}),
        "struct evs_group": (32, {"key": 0}),
        "evs_callbacks_t": (16, {"evs_deliver_fn": 0, "evs_confchg_fn": 8}),
    },
}

_ERRORS: Final = """
    LIBRARY VERSION INIT TIMEOUT TRY_AGAIN INVALID_PARAM NO_MEMORY BAD_HANDLE BUSY ACCESS NOT_EXIST
    NAME_TOO_LONG EXIST NO_SPACE INTERRUPT NAME_NOT_FOUND NO_RESOURCES NOT_SUPPORTED BAD_OPERATION
    FAILED_OPERATION MESSAGE_ERROR QUEUE_FULL QUEUE_NOT_AVAILABLE BAD_FLAGS TOO_BIG NO_SECTIONS
    NO_OP REPAIR_PENDING NO_BINDINGS UNAVAILABLE CAMPAIGN_ERROR_DETECTED CAMPAIGN_PROC_FAILED CAMPAIGN_CANCELED
    CAMPAIGN_FAILED CAMPAIGN_SUSPENDED CAMPAIGN_SUSPENDING ACCESS_DENIED NOT_READY DEPLOYMENT
""".split()  # noqa: SIM905


def _numbered(prefix: str, names: str, first: int = 1) -> dict[str, int]:
    return {f"{prefix}{name}": number for number, name in enumerate(names.split(), first)}


CONSTANTS: Final[dict[str, dict[str, int]]] = {
    "saAis.h": {
        "SA_FALSE": 0,
        "SA_TRUE": 1,
        "SA_TIME_UNKNOWN": -(2**63),
        "SA_TIME_BEGIN": 0,
        "SA_TIME_END": 2**63 - 1,
        "SA_TIME_MAX": 2**63 - 1,
        "SA_TIME_ONE_MICROSECOND": 10**3,
        "SA_TIME_ONE_MILLISECOND": 10**6,
        "SA_TIME_ONE_SECOND": 10**9,
        "SA_TIME_ONE_MINUTE": 60 * 10**9,
        "SA_TIME_ONE_HOUR": 3600 * 10**9,
        "SA_TIME_ONE_DAY": 86400 * 10**9,
        "SA_MAX_NAME_LENGTH": 256,
        "SA_TRACK_CURRENT": 1,
        "SA_TRACK_CHANGES": 2,
        "SA_TRACK_CHANGES_ONLY": 4,
        "SA_TRACK_LOCAL": 8,
        "SA_TRACK_START_STEP": 16,
        "SA_TRACK_VALIDATE_STEP": 32,
        **_numbered("SA_DISPATCH_", "ONE ALL BLOCKING"),
        "SA_AIS_OK": 1,
        **{f"SA_AIS_ERR_{name}": number for number, name in enumerate(_ERRORS, 2)},
        **_numbered("SA_SVC_", "HPI AMF CLM CKPT EVT MSG LCK IMMS LOG NTF NAM TMR SMF SEC PLM"),
        "SA_HANDLE_INVALID": 0,
    },
    "saNtf.h": {"SA_NTF_IDENTIFIER_UNUSED": 0},
    "saClm.h": {
        "SA_CLM_LOCAL_NODE_ID": 0xFFFF_FFFF,
        "SA_CLM_MAX_ADDRESS_LENGTH": 64,
        "SA_CLM_CLUSTER_CHANGE_STATUS": 1,
        "SA_CLM_ADMIN_STATE": 2,
        "SA_CLM_NODE_NAME": 1,
        "SA_CLM_ROOT_CAUSE_ENTITY": 1,
        **_numbered("SA_CLM_AF_", "INET INET6"),
        **_numbered("SA_CLM_NODE_", "NO_CHANGE JOINED LEFT RECONFIGURED UNLOCK SHUTDOWN"),
        **_numbered("SA_CLM_CHANGE_", "VALIDATE START ABORTED COMPLETED"),
        **_numbered("SA_CLM_CALLBACK_RESPONSE_", "OK REJECTED ERROR"),
        **_numbered("SA_CLM_ADMIN_", "UNLOCK LOCK SHUTDOWN"),
        **_numbered("SA_CLM_ADMIN_", "UNLOCKED LOCKED SHUTTING_DOWN"),
        **_numbered("SA_CLM_NTFID_NODE_", "JOIN LEAVE RECONFIG ADMIN_STATE", 0x65),
    },
    "saAmf.h": {
        "SA_AMF_PM_ZERO_EXIT": 1,
        "SA_AMF_PM_NON_ZERO_EXIT": 2,
        "SA_AMF_PM_ABNORMAL_END": 4,
        "SA_AMF_HEALTHCHECK_KEY_MAX": 32,
        "SA_AMF_CSI_ADD_ONE": 1,
        "SA_AMF_CSI_TARGET_ONE": 2,
        "SA_AMF_CSI_TARGET_ALL": 4,
        **_numbered("SA_AMF_PM_", "PROC PROC_AND_DESCENDENTS ALL_PROCESSES"),
        **_numbered("SA_AMF_HEALTHCHECK_", "AMF_INVOKED COMPONENT_INVOKED"),
        **_numbered(
            "SA_AMF_HARS_",
            "READY_FOR_ASSIGNMENT READY_FOR_ACTIVE_DEGRADED NOT_READY_FOR_ACTIVE NOT_READY_FOR_ASSIGNMENT",
        ),
        **_numbered("SA_AMF_HA_", "ACTIVE STANDBY QUIESCED QUIESCING"),
        **_numbered("SA_AMF_CSI_", "NEW_ASSIGN QUIESCED NOT_QUIESCED STILL_ACTIVE"),
        **_numbered("SA_AMF_PROTECTION_GROUP_", "NO_CHANGE ADDED REMOVED STATE_CHANGE"),
        **_numbered(
            "SA_AMF_",
            "NO_RECOMMENDATION COMPONENT_RESTART COMPONENT_FAILOVER NODE_SWITCHOVER NODE_FAILOVER NODE_FAILFAST "
            "CLUSTER_RESET APPLICATION_RESTART CONTAINER_RESTART",
        ),
    },
    "saEvt.h": {
        "SA_EVT_CHANNEL_PUBLISHER": 1,
        "SA_EVT_CHANNEL_SUBSCRIBER": 2,
        "SA_EVT_CHANNEL_CREATE": 4,
        "SA_EVT_HIGHEST_PRIORITY": 0,
        "SA_EVT_LOWEST_PRIORITY": 3,
        "SA_EVT_DATA_MAX_LEN": 65536,
        "SA_EVT_EVENTID_NONE": 0,
        "SA_EVT_EVENTID_LOST": 1,
        **_numbered("SA_EVT_", "PREFIX_FILTER SUFFIX_FILTER EXACT_FILTER PASS_ALL_FILTER"),
        **_numbered("SA_EVT_MAX_", "NUM_CHANNELS_ID EVT_SIZE_ID PATTERN_SIZE_ID NUM_PATTERNS_ID RETENTION_DURATION_ID"),
    },
    "saCkpt.h": {
        "SA_CKPT_WR_ALL_REPLICAS": 1,
        "SA_CKPT_WR_ACTIVE_REPLICA": 2,
        "SA_CKPT_WR_ACTIVE_REPLICA_WEAK": 4,
        "SA_CKPT_CHECKPOINT_COLLOCATED": 8,
        "SA_CKPT_CHECKPOINT_READ": 1,
        "SA_CKPT_CHECKPOINT_WRITE": 2,
        "SA_CKPT_CHECKPOINT_CREATE": 4,
        **_numbered("SA_CKPT_SECTION_", "VALID CORRUPTED"),
        **_numbered("SA_CKPT_SECTION_RESOURCES_", "EXHAUSTED AVAILABLE"),
        "SA_CKPT_CHECKPOINT_STATUS": 1,
        **_numbered("SA_CKPT_SECTIONS_", "FOREVER LEQ_EXPIRATION_TIME GEQ_EXPIRATION_TIME CORRUPTED ANY"),
    },
    "evs.h": {
        **_numbered("EVS_TYPE_", "UNORDERED FIFO AGREED SAFE", 0),
        **_numbered("EVS_DISPATCH_", "ONE ALL BLOCKING", 0),
        "EVS_OK": 1,
        "EVS_ERR_LIBRARY": 2,
        "EVS_ERR_TIMEOUT": 5,
        "EVS_ERR_TRY_AGAIN": 6,
        "EVS_ERR_INVALID_PARAM": 7,
        "EVS_ERR_NO_MEMORY": 8,
        "EVS_ERR_BAD_HANDLE": 9,
        "EVS_ERR_ACCESS": 11,
        "EVS_ERR_NOT_EXIST": 12,
        "EVS_ERR_EXIST": 14,
        "EVS_ERR_NOT_SUPPORTED": 20,
        "EVS_ERR_SECURITY": 29,
        "EVS_ERR_TOO_MANY_GROUPS": 30,
    },
}
