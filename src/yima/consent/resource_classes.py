"""Classes of resources with their level (GB/T 39725-2020, 6.3): every type of R4 is in exactly one. Pure.

1 may be public, 2 tells of nobody (figures), 3 had its names taken out, 4 tells of a person, 5 could ruin one: HIV,
sexually transmitted disease, psychiatry. Level 5 is not a matter of type: it lies across the types, given to a resource
by its codes and words when it is stored (`consent.classes`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from yima.consent.classes import CLASSES


@dataclass(frozen=True, slots=True)
class ResourceClass:
    """One class: its level, its words, and the types of R4 in it."""

    code: str
    level: int
    zh: str
    en: str
    types: frozenset[str] = frozenset()


def _of(code: str, level: int, zh: str, en: str, types: str = "") -> ResourceClass:
    return ResourceClass(code, level, zh, en, frozenset(types.split()))


_ROWS: Final = (
    _of("directory", 1, "机构目录", "Directory of institutions",
        "Organization Practitioner PractitionerRole Location Medication HealthcareService OrganizationAffiliation "
        "Endpoint"),
    _of("definitions", 1, "定义与术语", "Definitions and terminology",
        "ActivityDefinition CapabilityStatement CatalogEntry ChargeItemDefinition CodeSystem CompartmentDefinition "
        "ConceptMap DeviceDefinition DeviceMetric EffectEvidenceSynthesis EventDefinition Evidence EvidenceVariable "
        "ExampleScenario GraphDefinition ImplementationGuide InsurancePlan Library Measure MedicationKnowledge "
        "MedicinalProduct MedicinalProductAuthorization MedicinalProductContraindication MedicinalProductIndication "
        "MedicinalProductIngredient MedicinalProductInteraction MedicinalProductManufactured MedicinalProductPackaged "
        "MedicinalProductPharmaceutical MedicinalProductUndesirableEffect MessageDefinition NamingSystem "
        "ObservationDefinition OperationDefinition OperationOutcome Parameters PlanDefinition Questionnaire "
        "ResearchDefinition ResearchElementDefinition ResearchStudy RiskEvidenceSynthesis SearchParameter "
        "SpecimenDefinition StructureDefinition StructureMap Subscription Substance SubstanceNucleicAcid "
        "SubstancePolymer SubstanceProtein SubstanceReferenceInformation SubstanceSourceMaterial "
        "SubstanceSpecification TerminologyCapabilities TestReport TestScript ValueSet VerificationResult"),
    _of("figures", 2, "统计数字", "Figures: nobody is in them"),
    _of("without-names", 3, "去标识数据", "Records without names"),
    _of("identity", 4, "身份信息", "Who somebody is", "Patient Person RelatedPerson"),
    _of("visits", 4, "就诊与预约", "Visits and appointments",
        "Encounter EpisodeOfCare Appointment AppointmentResponse Schedule Slot"),
    _of("billing", 4, "费用与保险", "Bills and insurance",
        "Account ChargeItem Claim ClaimResponse Contract Coverage CoverageEligibilityRequest "
        "CoverageEligibilityResponse EnrollmentRequest EnrollmentResponse ExplanationOfBenefit Invoice PaymentNotice "
        "PaymentReconciliation"),
    _of("alerts", 4, "过敏与警示", "Allergies and warnings", "AllergyIntolerance AdverseEvent DetectedIssue Flag"),
    _of("medicines", 4, "用药与接种", "Medicines and vaccines",
        "MedicationAdministration MedicationDispense MedicationRequest MedicationStatement Immunization "
        "ImmunizationEvaluation ImmunizationRecommendation"),
    _of("problems", 4, "诊断与问题", "Problems and diagnoses",
        "Condition ClinicalImpression FamilyMemberHistory RiskAssessment"),
    _of("orders", 4, "申请与医嘱", "Orders",
        "ServiceRequest DeviceRequest NutritionOrder RequestGroup SupplyRequest CommunicationRequest Task "
        "VisionPrescription"),
    _of("results", 4, "检查检验结果", "Results",
        "Observation DiagnosticReport Specimen ImagingStudy Media MolecularSequence BodyStructure"),
    _of("care", 4, "处置与照护", "Treatment and care",
        "Procedure CarePlan CareTeam Goal Communication Device DeviceUseStatement SupplyDelivery GuidanceResponse "
        "QuestionnaireResponse ResearchSubject BiologicallyDerivedProduct"),
    _of("documents", 4, "文书与清单", "Documents and lists",
        "Composition DocumentReference DocumentManifest Binary Bundle List Group Basic Linkage MeasureReport "
        "MessageHeader"),
    _of("decisions", 4, "授权决定", "Decisions of the resident", "Consent"),
    _of("log", 4, "访问记录与来源", "Access log and origins", "AuditEvent Provenance"),
    *(ResourceClass(one.code, 5, one.zh, one.en) for one in CLASSES.values()),
)  # fmt: skip

RESOURCE_CLASSES: Final = {row.code: row for row in _ROWS}
"""Code -> class, by level."""
CLASS_OF: Final = {name: row.code for row in _ROWS for name in row.types}
"""Resource type -> code of its class."""
NAMING: Final = tuple(row.code for row in _ROWS if row.level == 4)
"""Everything of level 4: what tells of a person."""
PUBLIC: Final = ("directory", "definitions")
SENSITIVE: Final = tuple(row.code for row in _ROWS if row.level == 5)


def types_of(classes: frozenset[str]) -> frozenset[str]:
    """All types of these classes."""
    return frozenset(name for code in classes for name in RESOURCE_CLASSES[code].types)
