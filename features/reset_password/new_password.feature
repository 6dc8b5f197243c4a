@reset_password
Feature: Choosing a new password
  The link works once; with it every session, every other link and every suspension of the account ends.

  Scenario: The new password counts and the old one does not
    Given ada is logged in
    And ada has asked for a reset
    When ada chooses the password "a harbour in the evening"
    Then ada is told PASSWORD_CHANGED
    And ada can log in with "a harbour in the evening"
    And ada cannot log in with "a quiet harbour at dawn"
    And the newest mail to ada says that the password was changed

  Scenario: The link works once
    Given ada is logged in
    And ada has asked for a reset
    When ada chooses the password "a harbour in the evening"
    And ada chooses the password "a harbour at midnight"
    Then ada is refused with LINK_USED
    And ada can log in with "a harbour in the evening"

  Scenario: Ten uses at once are one
    Given ada is logged in
    And ada has asked for a reset
    When ada chooses 10 passwords at once
    Then one of them is accepted, and it is the one that logs in

  Scenario: Every other link is dead
    Given ada is logged in
    And ada has asked for a reset
    And ada has asked for a reset
    When ada chooses the password "a harbour in the evening" by the first link
    And ada chooses the password "a harbour at midnight"
    Then ada is refused with LINK_USED

  Scenario: Every session is dead
    Given ada is logged in
    And ada is logged in again
    And ada has asked for a reset
    When ada chooses the password "a harbour in the evening"
    Then ada's first session dies
    And ada's newest session dies
    And ada asking for a reset is refused with LOGIN_REQUIRED

  Scenario: A refused password does not use up the link
    Given ada is logged in
    And ada has asked for a reset
    When ada chooses the password "short"
    Then ada is refused with VALIDATION_FAILED, PASSWORD_TOO_SHORT at "/password"
    When ada chooses the password "a harbour in the evening"
    Then ada is told PASSWORD_CHANGED

  Scenario: Looking at the link changes nothing
    Given ada is logged in
    And ada has asked for a reset
    When ada opens the reset link in a browser
    Then ada sees a page with a form for the new password
    When ada chooses the password "a harbour in the evening"
    Then ada is told PASSWORD_CHANGED

  Scenario Outline: A link that is not ours is refused (<kind>)
    Given ada is logged in
    When ada uses <kind> as a reset link
    Then ada is refused with LINK_INVALID
    Examples:
      | kind                  |
      | a forged token        |
      | the activation link   |
      | the session token     |

  @needs_settings
  Scenario: An expired link is refused
    Given a platform with RESET_TTL_SECONDS set to 1
    And ada is logged in
    And ada has asked for a reset
    When ada chooses the password "a harbour in the evening" after the link has expired
    Then ada is refused with LINK_EXPIRED
    And ada can log in with "a quiet harbour at dawn"
