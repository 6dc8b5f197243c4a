@activation
Feature: Activation links that do not activate
  A link that is too old, replaced, or not ours says so, and touches nobody's account.

  Scenario Outline: A link that is not ours is refused (<kind>)
    Given ada has signed up
    When ada follows a <kind> link
    Then ada is refused with LINK_INVALID
    And ada has no activation document
    And ada is still INACTIVE in signup_db
    Examples:
      | kind                  |
      | forged                |
      | malformed             |
      | respelled             |
      | missing token         |
      | token given twice     |

  Scenario: A token of another purpose is refused
    Given ada is logged in
    And bob has signed up
    When bob follows a link with ada's session token
    Then bob is refused with LINK_INVALID
    And bob is still INACTIVE in signup_db

  Scenario: A replaced link does not activate
    Given ada has signed up
    And ada has signed up again
    When ada follows the first link
    Then ada is refused with LINK_SUPERSEDED
    And ada is still INACTIVE in signup_db
    And ada's newest activation link activates the account

  Scenario: A browser gets its refusal as a page
    Given ada has signed up
    When ada opens a forged link in a browser and presses the button
    Then ada sees a refusal page with the status of LINK_INVALID

  @needs_settings
  Rule: Links that expire
    Scenario: An expired link leaves the account inactive with the reason
      Given a platform with ACTIVATION_TTL_SECONDS set to 1
      And ada has signed up
      When ada follows the link after it has expired
      Then ada is refused with LINK_EXPIRED
      And ada's activation document is INACTIVE because of LINK_EXPIRED
      And ada is still INACTIVE in signup_db

    Scenario: An expired link does not undo an activation
      Given a platform with ACTIVATION_TTL_SECONDS set to 2
      And ada has an active account
      When ada follows the link after it has expired
      Then ada is refused with LINK_EXPIRED
      And ada is still ACTIVE in signup_db
      And ada can log in
