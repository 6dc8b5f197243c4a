@reset_password
Feature: A reset needs a live login
  A reset link is mailed only while a login of the address is alive, as the copy of its receipt proves.

  Scenario: Without a login there is no reset
    Given ada has an active account
    When ada asks for a reset
    Then ada is refused with LOGIN_REQUIRED
    And ada has no further mail

  Scenario: With a login there is
    Given ada is logged in
    When ada asks for a reset
    Then ada is mailed a reset link

  Scenario: The single slash does the same
    Given ada is logged in
    When ada asks for a reset by the single-slash address
    Then ada is mailed a reset link

  Scenario: After logging out there is no reset
    Given ada is logged in
    And ada has logged out
    When ada asks for a reset
    Then ada is refused with LOGIN_REQUIRED

  Scenario: A stranger and an account without login get one answer
    Given ada has an active account
    When ada asks for a reset
    And a stranger asks for a reset
    Then the two answers are the same but for the request id

  Scenario: The session token may come along
    Given ada is logged in
    When ada asks for a reset with her session token
    Then ada is mailed a reset link

  Scenario Outline: A token that proves nothing is refused (<token>)
    Given ada is logged in
    And bob is logged in
    When ada asks for a reset with <token>
    Then ada is refused with TOKEN_INVALID
    And ada has no further mail
    Examples:
      | token               |
      | bob's session token |
      | a forged token      |
      | the activation link |

  @needs_settings
  Scenario: The silent setting tells nobody
    Given a platform with RESET_ANSWERS set to silent
    And ada has an active account
    When ada asks for a reset
    Then the answer is as for everybody
    And ada has no further mail

  @needs_settings
  Scenario: An expired login is no login
    Given a platform with SESSION_TTL_SECONDS set to 1
    And ada is logged in
    When ada asks for a reset after the session has expired
    Then ada is refused with LOGIN_REQUIRED
