/*
 * The SA Forum Availability Management Framework: components that are kept up, and are told what to do.
 *
 * B.01.01 to B.04.01. A handle of saAmfInitialize is for the functions of B.01.01; one of saAmfInitialize_3 for those of
 * B.03.01, where saAmfPmStart_3 took the place of saAmfPmStart; one of saAmfInitialize_4 for those that took their place in
 * B.04.01, which end in _4, and for saAmfPmStart_3. All others are for all.
 */
#ifndef _SA_AMF_H
#define _SA_AMF_H

#include "saAis.h"
#include "saNtf.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef SaUint64T SaAmfHandleT;

#define SA_AMF_PM_ZERO_EXIT 0x1
#define SA_AMF_PM_NON_ZERO_EXIT 0x2
#define SA_AMF_PM_ABNORMAL_END 0x4
typedef SaUint32T SaAmfPmErrorsT;

typedef enum {
    SA_AMF_PM_PROC = 1,
    SA_AMF_PM_PROC_AND_DESCENDENTS = 2,
    SA_AMF_PM_ALL_PROCESSES = 3
} SaAmfPmStopQualifierT;

typedef enum {
    SA_AMF_HEALTHCHECK_AMF_INVOKED = 1,
    SA_AMF_HEALTHCHECK_COMPONENT_INVOKED = 2
} SaAmfHealthcheckInvocationT;

#define SA_AMF_HEALTHCHECK_KEY_MAX 32
typedef struct {
    SaUint8T key[SA_AMF_HEALTHCHECK_KEY_MAX];
    SaUint16T keyLen;
} SaAmfHealthcheckKeyT;

typedef enum {
    SA_AMF_HA_ACTIVE = 1,
    SA_AMF_HA_STANDBY = 2,
    SA_AMF_HA_QUIESCED = 3,
    SA_AMF_HA_QUIESCING = 4
} SaAmfHAStateT;

#define SA_AMF_CSI_ADD_ONE 0x1
#define SA_AMF_CSI_TARGET_ONE 0x2
#define SA_AMF_CSI_TARGET_ALL 0x4
typedef SaUint32T SaAmfCSIFlagsT;

typedef enum {
    SA_AMF_CSI_NEW_ASSIGN = 1,
    SA_AMF_CSI_QUIESCED = 2,
    SA_AMF_CSI_NOT_QUIESCED = 3,
    SA_AMF_CSI_STILL_ACTIVE = 4
} SaAmfCSITransitionDescriptorT;

typedef struct {
    SaAmfCSITransitionDescriptorT transitionDescriptor;
    SaNameT activeCompName;
} SaAmfCSIActiveDescriptorT;

typedef struct {
    SaNameT activeCompName;
    SaUint32T standbyRank;
} SaAmfCSIStandbyDescriptorT;

typedef union {
    SaAmfCSIActiveDescriptorT activeDescriptor;
    SaAmfCSIStandbyDescriptorT standbyDescriptor;
} SaAmfCSIStateDescriptorT;

typedef enum {
    SA_AMF_HARS_READY_FOR_ASSIGNMENT = 1,
    SA_AMF_HARS_READY_FOR_ACTIVE_DEGRADED = 2,
    SA_AMF_HARS_NOT_READY_FOR_ACTIVE = 3,
    SA_AMF_HARS_NOT_READY_FOR_ASSIGNMENT = 4
} SaAmfHAReadinessStateT;

typedef struct {
    SaUint8T *attrName;
    SaUint8T *attrValue;
} SaAmfCSIAttributeT;

typedef struct {
    SaAmfCSIAttributeT *attr;
    SaUint32T number;
} SaAmfCSIAttributeListT;

typedef struct {
    SaAmfCSIFlagsT csiFlags;
    SaNameT csiName;
    SaAmfCSIStateDescriptorT csiStateDescriptor;
    SaAmfCSIAttributeListT csiAttr;
} SaAmfCSIDescriptorT;

typedef struct {
    SaNameT compName;
    SaAmfHAStateT haState;
    SaUint32T rank;
} SaAmfProtectionGroupMemberT;

typedef enum {
    SA_AMF_PROTECTION_GROUP_NO_CHANGE = 1,
    SA_AMF_PROTECTION_GROUP_ADDED = 2,
    SA_AMF_PROTECTION_GROUP_REMOVED = 3,
    SA_AMF_PROTECTION_GROUP_STATE_CHANGE = 4
} SaAmfProtectionGroupChangesT;

typedef struct {
    SaAmfProtectionGroupMemberT member;
    SaAmfProtectionGroupChangesT change;
} SaAmfProtectionGroupNotificationT;

typedef struct {
    SaUint32T numberOfItems;
    SaAmfProtectionGroupNotificationT *notification;
} SaAmfProtectionGroupNotificationBufferT;

typedef struct {
    SaNameT compName;
    SaAmfHAStateT haState;
    SaAmfHAReadinessStateT haReadinessState;
    SaUint32T rank;
} SaAmfProtectionGroupMemberT_4;

typedef struct {
    SaAmfProtectionGroupMemberT_4 member;
    SaAmfProtectionGroupChangesT change;
} SaAmfProtectionGroupNotificationT_4;

typedef struct {
    SaUint32T numberOfItems;
    SaAmfProtectionGroupNotificationT_4 *notification;
} SaAmfProtectionGroupNotificationBufferT_4;

typedef enum {
    SA_AMF_NO_RECOMMENDATION = 1,
    SA_AMF_COMPONENT_RESTART = 2,
    SA_AMF_COMPONENT_FAILOVER = 3,
    SA_AMF_NODE_SWITCHOVER = 4,
    SA_AMF_NODE_FAILOVER = 5,
    SA_AMF_NODE_FAILFAST = 6,
    SA_AMF_CLUSTER_RESET = 7,
    SA_AMF_APPLICATION_RESTART = 8,
    SA_AMF_CONTAINER_RESTART = 9
} SaAmfRecommendedRecoveryT;

/* Callbacks. Those with an invocation are answered by saAmfResponse. */

typedef void (*SaAmfHealthcheckCallbackT)(
    SaInvocationT invocation, const SaNameT *compName, SaAmfHealthcheckKeyT *healthcheckKey);
typedef void (*SaAmfComponentTerminateCallbackT)(SaInvocationT invocation, const SaNameT *compName);
typedef void (*SaAmfCSISetCallbackT)(
    SaInvocationT invocation, const SaNameT *compName, SaAmfHAStateT haState, SaAmfCSIDescriptorT csiDescriptor);
typedef void (*SaAmfCSIRemoveCallbackT)(
    SaInvocationT invocation, const SaNameT *compName, const SaNameT *csiName, SaAmfCSIFlagsT csiFlags);
typedef void (*SaAmfProtectionGroupTrackCallbackT)(
    const SaNameT *csiName, SaAmfProtectionGroupNotificationBufferT *notificationBuffer, SaUint32T numberOfMembers,
    SaAisErrorT error);
typedef void (*SaAmfProxiedComponentInstantiateCallbackT)(SaInvocationT invocation, const SaNameT *proxiedCompName);
typedef void (*SaAmfProxiedComponentCleanupCallbackT)(SaInvocationT invocation, const SaNameT *proxiedCompName);

typedef struct {
    SaAmfHealthcheckCallbackT saAmfHealthcheckCallback;
    SaAmfComponentTerminateCallbackT saAmfComponentTerminateCallback;
    SaAmfCSISetCallbackT saAmfCSISetCallback;
    SaAmfCSIRemoveCallbackT saAmfCSIRemoveCallback;
    SaAmfProtectionGroupTrackCallbackT saAmfProtectionGroupTrackCallback;
    SaAmfProxiedComponentInstantiateCallbackT saAmfProxiedComponentInstantiateCallback;
    SaAmfProxiedComponentCleanupCallbackT saAmfProxiedComponentCleanupCallback;
} SaAmfCallbacksT;

typedef void (*SaAmfContainedComponentInstantiateCallbackT)(SaInvocationT invocation, const SaNameT *containedCompName);
typedef void (*SaAmfContainedComponentCleanupCallbackT)(SaInvocationT invocation, const SaNameT *containedCompName);

typedef struct {
    SaAmfHealthcheckCallbackT saAmfHealthcheckCallback;
    SaAmfComponentTerminateCallbackT saAmfComponentTerminateCallback;
    SaAmfCSISetCallbackT saAmfCSISetCallback;
    SaAmfCSIRemoveCallbackT saAmfCSIRemoveCallback;
    SaAmfProtectionGroupTrackCallbackT saAmfProtectionGroupTrackCallback;
    SaAmfProxiedComponentInstantiateCallbackT saAmfProxiedComponentInstantiateCallback;
    SaAmfProxiedComponentCleanupCallbackT saAmfProxiedComponentCleanupCallback;
    SaAmfContainedComponentInstantiateCallbackT saAmfContainedComponentInstantiateCallback;
    SaAmfContainedComponentCleanupCallbackT saAmfContainedComponentCleanupCallback;
} SaAmfCallbacksT_3;

typedef void (*SaAmfProtectionGroupTrackCallbackT_4)(
    const SaNameT *csiName, SaAmfProtectionGroupNotificationBufferT_4 *notificationBuffer, SaUint32T numberOfMembers,
    SaAisErrorT error);

typedef struct {
    SaAmfHealthcheckCallbackT saAmfHealthcheckCallback;
    SaAmfComponentTerminateCallbackT saAmfComponentTerminateCallback;
    SaAmfCSISetCallbackT saAmfCSISetCallback;
    SaAmfCSIRemoveCallbackT saAmfCSIRemoveCallback;
    SaAmfProtectionGroupTrackCallbackT_4 saAmfProtectionGroupTrackCallback;
    SaAmfProxiedComponentInstantiateCallbackT saAmfProxiedComponentInstantiateCallback;
    SaAmfProxiedComponentCleanupCallbackT saAmfProxiedComponentCleanupCallback;
    SaAmfContainedComponentInstantiateCallbackT saAmfContainedComponentInstantiateCallback;
    SaAmfContainedComponentCleanupCallbackT saAmfContainedComponentCleanupCallback;
} SaAmfCallbacksT_4;

/* The life of a handle. */

extern SaAisErrorT saAmfInitialize(
    SaAmfHandleT *amfHandle, const SaAmfCallbacksT *amfCallbacks, SaVersionT *version);
extern SaAisErrorT saAmfInitialize_3(
    SaAmfHandleT *amfHandle, const SaAmfCallbacksT_3 *amfCallbacks, SaVersionT *version);
extern SaAisErrorT saAmfInitialize_4(
    SaAmfHandleT *amfHandle, const SaAmfCallbacksT_4 *amfCallbacks, SaVersionT *version);
extern SaAisErrorT saAmfSelectionObjectGet(SaAmfHandleT amfHandle, SaSelectionObjectT *selectionObject);
extern SaAisErrorT saAmfDispatch(SaAmfHandleT amfHandle, SaDispatchFlagsT dispatchFlags);
extern SaAisErrorT saAmfFinalize(SaAmfHandleT amfHandle);

/* Components. */

extern SaAisErrorT saAmfComponentRegister(
    SaAmfHandleT amfHandle, const SaNameT *compName, const SaNameT *proxyCompName);
extern SaAisErrorT saAmfComponentUnregister(
    SaAmfHandleT amfHandle, const SaNameT *compName, const SaNameT *proxyCompName);
extern SaAisErrorT saAmfComponentNameGet(SaAmfHandleT amfHandle, SaNameT *compName);

/* Passive monitoring. saAmfPmStart is for a handle of saAmfInitialize, saAmfPmStart_3 for the later ones. */
extern SaAisErrorT saAmfPmStart(
    SaAmfHandleT amfHandle, const SaNameT *compName, SaUint64T processId, SaInt32T descendentsTreeDepth,
    SaAmfPmErrorsT pmErrors, SaAmfRecommendedRecoveryT recommendedRecovery);
extern SaAisErrorT saAmfPmStart_3(
    SaAmfHandleT amfHandle, const SaNameT *compName, SaInt32T processId, SaInt32T descendentsTreeDepth,
    SaAmfPmErrorsT pmErrors, SaAmfRecommendedRecoveryT recommendedRecovery);
extern SaAisErrorT saAmfPmStop(
    SaAmfHandleT amfHandle, const SaNameT *compName, SaAmfPmStopQualifierT stopQualifier, SaInt64T processId,
    SaAmfPmErrorsT pmErrors);

extern SaAisErrorT saAmfHealthcheckStart(
    SaAmfHandleT amfHandle, const SaNameT *compName, const SaAmfHealthcheckKeyT *healthcheckKey,
    SaAmfHealthcheckInvocationT invocationType, SaAmfRecommendedRecoveryT recommendedRecovery);
extern SaAisErrorT saAmfHealthcheckConfirm(
    SaAmfHandleT amfHandle, const SaNameT *compName, const SaAmfHealthcheckKeyT *healthcheckKey,
    SaAisErrorT healthcheckResult);
extern SaAisErrorT saAmfHealthcheckStop(
    SaAmfHandleT amfHandle, const SaNameT *compName, const SaAmfHealthcheckKeyT *healthcheckKey);

/* Assignments. */

extern SaAisErrorT saAmfResponse(SaAmfHandleT amfHandle, SaInvocationT invocation, SaAisErrorT error);
extern SaAisErrorT saAmfResponse_4(
    SaAmfHandleT amfHandle, SaInvocationT invocation, SaNtfCorrelationIdsT *correlationIds, SaAisErrorT error);
extern SaAisErrorT saAmfCSIQuiescingComplete(SaAmfHandleT amfHandle, SaInvocationT invocation, SaAisErrorT error);
extern SaAisErrorT saAmfHAStateGet(
    SaAmfHandleT amfHandle, const SaNameT *compName, const SaNameT *csiName, SaAmfHAStateT *haState);

/* What cannot be had any more is given to others. */
extern SaAisErrorT saAmfHAReadinessStateSet(
    SaAmfHandleT amfHandle, const SaNameT *compName, const SaNameT *csiName, SaAmfHAReadinessStateT haReadinessState,
    SaNtfCorrelationIdsT *correlationIds);

/* A buffer without `notification` is given one, which the NotificationFree functions free. */
extern SaAisErrorT saAmfProtectionGroupTrack(
    SaAmfHandleT amfHandle, const SaNameT *csiName, SaUint8T trackFlags,
    SaAmfProtectionGroupNotificationBufferT *notificationBuffer);
extern SaAisErrorT saAmfProtectionGroupTrack_4(
    SaAmfHandleT amfHandle, const SaNameT *csiName, SaUint8T trackFlags,
    SaAmfProtectionGroupNotificationBufferT_4 *notificationBuffer);
extern SaAisErrorT saAmfProtectionGroupNotificationFree(
    SaAmfHandleT amfHandle, SaAmfProtectionGroupNotificationT *notification);
extern SaAisErrorT saAmfProtectionGroupNotificationFree_4(
    SaAmfHandleT amfHandle, SaAmfProtectionGroupNotificationT_4 *notification);
extern SaAisErrorT saAmfProtectionGroupTrackStop(SaAmfHandleT amfHandle, const SaNameT *csiName);

/* Errors. */

extern SaAisErrorT saAmfComponentErrorReport(
    SaAmfHandleT amfHandle, const SaNameT *erroneousComponent, SaTimeT errorDetectionTime,
    SaAmfRecommendedRecoveryT recommendedRecovery, SaNtfIdentifierT ntfIdentifier);
extern SaAisErrorT saAmfComponentErrorReport_4(
    SaAmfHandleT amfHandle, const SaNameT *erroneousComponent, SaTimeT errorDetectionTime,
    SaAmfRecommendedRecoveryT recommendedRecovery, SaNtfCorrelationIdsT *correlationIds);
extern SaAisErrorT saAmfComponentErrorClear_4(
    SaAmfHandleT amfHandle, const SaNameT *compName, SaNtfCorrelationIdsT *correlationIds);
extern SaAisErrorT saAmfComponentErrorClear(
    SaAmfHandleT amfHandle, const SaNameT *compName, SaNtfIdentifierT ntfIdentifier);

#ifdef __cplusplus
}
#endif

#endif
