"""The tables of the truth, each in a sentence."""

TABLES = {
    "people": "Everybody, with the parameters they really have: purchase rate, drop-out, order value.",
    "references": "Which reference of which source (account, address, number, card) is which person.",
    "records": "Every record that holds a person's data, and in what it differs from the person.",
    "visitors": "Who is behind each cookie and device; strangers and bots have no person.",
    "visits": "Every visit to the site.",
    "orders": "Every order and receipt, also those that no system can give to a person, and what became of its record.",
    "calls": "Who called, and why.",
    "tickets": "Who wrote, and about which order.",
    "campaigns": "The campaigns.",
    "campaign_effects": "What each person of a campaign's audience would do with and without the mail.",
    "letter": "Who was dealt to get a letter that was never posted, and who not.",
    "machine_events": "Opens and clicks that no person made.",
    "consents": "What people said about being written to, and when.",
    "answers": "Every answer to a survey: whose it is, and what its score is made of.",
    "satisfaction": "What each person, agent and product adds to what people think.",
    "contracts": "Every bread box: how likely it was to be cancelled at each renewal, and when it is.",
    "owners": "Who looks after which customer on the last day, and who was left alone.",
    "errors": "Every wrong value: where it is, which rule it breaks, what stood there before.",
    "duplicates": "Every record that comes again.",
    "late_records": "Every record that arrived a day or more after it happened.",
}
